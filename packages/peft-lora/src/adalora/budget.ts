export interface BudgetSchedule {
  /** Steps before the first allocation. */
  readonly tInit: number;
  /** Steps after the last. */
  readonly tFinal: number;
  /** Steps in all. */
  readonly totalSteps: number;
}

/** How many singular values an adapter has after a step (from 0), of `first` down to `last` along a cubic. */
export function budgetAt(
  step: number,
  { tInit, tFinal, totalSteps }: BudgetSchedule,
  first: number,
  last: number,
): number {
  if (step <= tInit) return first;
  if (step >= totalSteps - tFinal) return last;
  const left = 1 - (step - tInit) / (totalSteps - tFinal - tInit);
  return Math.trunc((first - last) * left ** 3 + last);
}

/**
 * The steps at which the budget falls, once for each singular value that goes: as many as lie behind a step are gone
 * by then. A compiled step counts them, and so has the very budget that f64 gives, which f32 could miss by one.
 */
export function budgetDrops(schedule: BudgetSchedule, first: number, last: number): number[] {
  const drops: number[] = [];
  for (let step = schedule.tInit + 1; drops.length < first - last; step++) {
    const gone = first - budgetAt(step, schedule, first, last);
    while (drops.length < gone) drops.push(step);
  }
  return drops;
}
