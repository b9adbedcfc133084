import { LorikeetError } from '@lorikeet/tensor-core';

/** Which of the evaluated models is the best, and when to stop looking for a better one. */
export interface Monitor<Metrics> {
  readonly value: (metrics: Metrics) => number;
  /** Which values are better. Defaults to the largest. */
  readonly best?: 'largest' | 'smallest';
  /** By how much a value must be better to count. Defaults to 0. */
  readonly minDelta?: number;
  /** Ends the run after so many evaluations in a row that found nothing better. Without it, it goes on. */
  readonly patience?: number;
}

/** What a monitor has seen. */
export interface Watch {
  readonly value: number;
  /** Of the best. */
  readonly step: number;
  /** Evaluations since. */
  readonly waited: number;
}

/**
 * What a monitor knows after another evaluation.
 *
 * @throws LorikeetError `not-finite` if there is no telling which of the values is better.
 */
export function watch<Metrics>(
  monitor: Monitor<Metrics>,
  before: Watch | undefined,
  { step, metrics }: { readonly step: number; readonly metrics: Metrics },
): Watch {
  const value = monitor.value(metrics);
  if (Number.isNaN(value)) {
    throw new LorikeetError('not-finite', `the monitored value is NaN after step ${step}`, {
      hint: 'look at the metrics: there may be nothing to evaluate on',
    });
  }
  if (before === undefined) return { value, step, waited: 0 };
  const gain = monitor.best === 'smallest' ? before.value - value : value - before.value;
  if (gain > (monitor.minDelta ?? 0)) return { value, step, waited: 0 };
  return { ...before, waited: before.waited + 1 };
}

export function isOver({ patience }: Monitor<never>, { waited }: Watch): boolean {
  return patience !== undefined && waited >= patience;
}
