import { LorikeetError } from '@lorikeet/tensor-core';

/**
 * A figure over many items that is taken batch by batch. A state is plain data that is never changed: it can be kept as
 * JSON and taken up again. Batches of any size give the same bits as all items at once.
 */
export interface Metric<Item, State, Result> {
  /** The state before the first item. */
  readonly init: State;
  readonly add: (state: State, items: readonly Item[]) => State;
  /** @throws LorikeetError `invalid-argument` if there was no item. */
  readonly result: (state: State) => Result;
}

/** What is right and what was answered: a class, a number, the tags of a sentence. */
export interface Judged<Value> {
  readonly truth: Value;
  readonly answer: Value;
}

/** The metric of all items at once. */
export function measure<Item, State, Result>(
  metric: Metric<Item, State, Result>,
  items: readonly Item[],
): Result {
  return metric.result(metric.add(metric.init, items));
}

/**
 * Each truth beside its answer.
 *
 * @throws LorikeetError `invalid-argument` if there are more of the one than of the other.
 */
export function judge<Value>(truths: readonly Value[], answers: readonly Value[]): Judged<Value>[] {
  if (truths.length !== answers.length) {
    throw new LorikeetError('invalid-argument', 'a metric needs as many answers as truths', {
      received: `${truths.length} truths, ${answers.length} answers`,
    });
  }
  return truths.map((truth, i) => ({ truth, answer: answers[i] as Value }));
}

export function nothingToMeasure(): LorikeetError {
  return new LorikeetError('invalid-argument', 'there is nothing to measure', {
    expected: 'at least one item',
  });
}
