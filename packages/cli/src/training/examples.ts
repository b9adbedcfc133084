import { LorikeetError, randomKey } from '@lorikeet/tensor-core';
import { permutation } from '@lorikeet/train';
import type { TaskData } from '../tasks/task.ts';

export interface ChosenExamples {
  readonly training: readonly unknown[];
  readonly heldOut: readonly unknown[];
}

interface ExampleFields {
  readonly examples?: number | undefined;
  readonly evaluation?: number | undefined;
  readonly seed: number;
}

/** Examples that are held out where the data have none to evaluate on. */
const heldOutByDefault = 100;

/**
 * What is trained and what is evaluated on.
 *
 * @param other where the evaluation comes from, if not from the same data.
 * @throws LorikeetError `invalid-argument` if nothing is left to train on.
 */
export async function chooseExamples(
  data: TaskData,
  other: TaskData | undefined,
  { examples: wanted, evaluation, seed }: ExampleFields,
): Promise<ChosenExamples> {
  const { train, test } = data.examples;
  const own = other === undefined ? test : other.examples.train;
  const shuffled = await inOrder(train, seed);
  const taken = own.length > 0 ? 0 : (evaluation ?? heldOutByDefault);
  const heldOut = own.length > 0 ? await drawn(own, evaluation, seed) : shuffled.slice(0, taken);
  const rest = shuffled.slice(taken);
  if (rest.length === 0) {
    throw new LorikeetError(
      'invalid-argument',
      'holding out the evaluation leaves nothing to train on',
      { received: `${train.length} examples, --evaluation ${taken}` },
    );
  }
  return { training: wanted === undefined ? rest : few(rest, wanted, data.classOf), heldOut };
}

async function drawn(
  items: readonly unknown[],
  count: number | undefined,
  seed: number,
): Promise<readonly unknown[]> {
  return count === undefined ? items : (await inOrder(items, seed)).slice(0, count);
}

async function inOrder(items: readonly unknown[], seed: number): Promise<readonly unknown[]> {
  const order = await permutation(randomKey(seed), items.length);
  return order.map((i) => items[i]);
}

/** The first of a list, of each class as many, or one more. */
function few(
  items: readonly unknown[],
  count: number,
  classOf: TaskData['classOf'] = () => 0,
): readonly unknown[] {
  if (count > items.length) {
    throw new LorikeetError('invalid-argument', 'there are not so many examples', {
      expected: `at most ${items.length}`,
      received: `--examples ${count}`,
    });
  }
  const seen = new Map<number, number>();
  const ranked = items.map((item, place) => {
    const name = classOf(item);
    const rank = seen.get(name) ?? 0;
    seen.set(name, rank + 1);
    return { item, rank, place };
  });
  return ranked
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
    .slice(0, count)
    .map(({ item }) => item);
}

/** What a model is judged on that is not trained: the test part of data with parts, else all, or some of it. */
export async function chooseEvaluation(
  { examples: { train, test } }: TaskData,
  { evaluation, seed }: ExampleFields,
): Promise<readonly unknown[]> {
  return drawn(test.length > 0 ? test : train, evaluation, seed);
}
