import { collect, corruptSpans, fromArray, maskedOnly } from '@lorikeet/train/data';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';

const sentinels = [100, 101, 102, 103];
const end = 1;
const rows = fc.array(
  fc
    .array(fc.integer({ min: 2, max: 99 }), { maxLength: 30 })
    .map((ids) => ({ input_ids: [...ids, end] })),
  { minLength: 1, maxLength: 6 },
);
const options = fc.record({
  seed: fc.nat(9),
  epoch: fc.nat(3),
  density: fc.double({ min: 0.05, max: 0.9, noNaN: true }),
  meanLength: fc.integer({ min: 1, max: 5 }),
});

/** The row that a corrupted one was made of. */
function restored(input: readonly number[], labels: readonly number[]): number[] {
  const spans = new Map<number, number[]>();
  let current: number[] = [];
  for (const id of labels.slice(0, -1)) {
    if (!sentinels.includes(id)) current.push(id);
    else {
      current = [];
      spans.set(id, current);
    }
  }
  return input.flatMap((id) => spans.get(id) ?? [id]);
}

test('lost spans and what is kept make up the row, and spans do not touch', async () => {
  await fc.assert(
    fc.asyncProperty(rows, options, async (given, how) => {
      const made = await collect(corruptSpans(fromArray(given), { ...how, sentinels, end }));
      made.forEach(({ input_ids, labels }, i) => {
        const ids = given[i]?.input_ids ?? [];
        expect(restored(input_ids, labels)).toEqual(ids);
        expect(input_ids.at(-1)).toBe(end);
        expect(labels.at(-1)).toBe(end);
        const marks = input_ids.flatMap((id, at) => (sentinels.includes(id) ? [at] : []));
        marks.forEach((at, k) => {
          expect(input_ids[at]).toBe(sentinels[k]);
          if (k > 0) expect(at).toBeGreaterThan((marks[k - 1] ?? 0) + 1);
        });
        if (ids.length > 2) expect(marks.length).toBeGreaterThan(0);
      });
    }),
  );
});

test('another epoch loses others, the same one the same', async () => {
  const given = [{ input_ids: [...Array.from({ length: 40 }, (_, i) => i + 2), end] }];
  const of = async (epoch: number) =>
    collect(corruptSpans(fromArray(given), { seed: 1, epoch, sentinels, end }));
  expect(await of(1)).toEqual(await of(1));
  expect(await of(1)).not.toEqual(await of(2));
});

test('goes on from any position', async () => {
  const given = Array.from({ length: 5 }, (_, i) => ({ input_ids: [5 + i, 6, 7, 8, 9, end] }));
  await expectLawful(corruptSpans(fromArray(given), { seed: 3, epoch: 0, sentinels, end }));
});

test('a row of labelled places alone says the same', () => {
  expect(maskedOnly({ input_ids: [2, 3, 4, 5], labels: [-100, 7, -100, 5] })).toEqual({
    input_ids: [2, 3, 4, 5],
    logits_to_keep: [1, 3],
    labels: [7, 5],
  });
});
