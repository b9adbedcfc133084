import { expect, test } from 'vitest';
import { chooseExamples } from '../src/training/examples.ts';

const items = Array.from({ length: 60 }, (_, i) => ({ id: i, label: i < 50 ? 0 : 1 }));
const data = {
  examples: { train: items, validation: [], test: [] },
  classOf: (item: unknown) => items.find((one) => one === item)?.label ?? -1,
  open: () => expect.fail('nothing is opened'),
};
const labelsOf = (some: readonly unknown[]): number[] => some.map(data.classOf).sort();

test('few examples are of each class as many, and none is evaluated on', async () => {
  const chosen = await chooseExamples(data, undefined, { examples: 8, evaluation: 10, seed: 1 });
  expect(labelsOf(chosen.training)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(chosen.heldOut).toHaveLength(10);
  expect(chosen.heldOut.filter((item) => chosen.training.includes(item))).toEqual([]);
});

test('a part of the data that is for it is evaluated on, and the seed draws', async () => {
  const parted = {
    ...data,
    examples: { train: items.slice(0, 50), validation: [], test: items.slice(50) },
  };
  const of = (seed: number) => chooseExamples(parted, undefined, { examples: 5, seed });
  const [first, again, other] = [await of(1), await of(1), await of(2)];
  expect(first.heldOut).toEqual(items.slice(50));
  expect(again.training).toEqual(first.training);
  expect(other.training).not.toEqual(first.training);
});
