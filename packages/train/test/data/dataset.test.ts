import {
  batch,
  bucketByLength,
  chain,
  collect,
  type Dataset,
  filter,
  flatMap,
  fromArray,
  interleave,
  map,
  pack,
  shuffle,
  shuffleBlocks,
  skip,
  take,
} from '@lorikeet/train/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

type Stage = (data: Dataset<number>) => Dataset<number>;
const size = fc.integer({ min: 1, max: 5 });
const shuffled = fc.record({ seed: fc.nat(99), epoch: fc.nat(9) });
const stage: fc.Arbitrary<Stage> = fc.oneof(
  fc.constant<Stage>((data) => map(data, (x) => x * 3 + 1)),
  fc.constant<Stage>((data) => filter(data, (x) => x % 3 !== 1)),
  fc.constant<Stage>((data) => flatMap(data, (x) => new Array<number>(x % 4).fill(x))),
  fc.nat(12).map(
    (count): Stage =>
      (data) =>
        take(data, count),
  ),
  fc.nat(4).map(
    (count): Stage =>
      (data) =>
        skip(data, count),
  ),
  fc.constant<Stage>((data) => chain([data, fromArray([7, 8]), fromArray([]), data])),
  fc.constant<Stage>((data) => interleave([fromArray([5]), data, fromArray([])])),
  fc.tuple(size, shuffled).map(
    ([buffer, by]): Stage =>
      (data) =>
        shuffleBlocks(data, { ...by, buffer }),
  ),
  fc.tuple(size, fc.constantFrom('keep' as const, 'drop' as const)).map(
    ([count, rest]): Stage =>
      (data) =>
        map(batch(data, { size: count, rest }), (items) =>
          items.reduce((sum, item) => sum + item, 0),
        ),
  ),
  fc.tuple(size, size, fc.option(shuffled, { nil: undefined })).map(
    ([count, window, by]): Stage =>
      (data) =>
        flatMap(
          bucketByLength(data, {
            length: (x) => x % 7,
            size: count,
            window: window * 3,
            ...(by === undefined ? {} : { shuffle: by }),
          }),
          (items) => items,
        ),
  ),
  fc.tuple(size, fc.constantFrom('keep' as const, 'drop' as const), fc.boolean()).map(
    ([length, rest, separated]): Stage =>
      (data) =>
        map(
          pack(
            map(data, (x) => numbers(x % 6)),
            { length, rest, ...(separated ? { separator: 99 } : {}) },
          ),
          ({ input_ids, position_ids, documents }) =>
            [...input_ids, ...position_ids, ...documents].reduce(
              (sum, x, i) => sum + x * (i + 1),
              0,
            ),
        ),
  ),
);

describe('a data set', () => {
  test('reads the same again, and goes on from every position, through any stages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(14), fc.array(stage, { maxLength: 4 }), async (count, stages) => {
        const data = stages.reduce((made, next) => next(made), fromArray(numbers(count)));
        fc.pre((await collect(data)).length < 200);
        await expectLawful(data);
      }),
      { numRuns: 60 },
    );
  });

  test('refuses a position that another gave', async () => {
    const data = batch(fromArray(numbers(3)), { size: 2 });
    for (const position of ['x', -1, 4, [1], 1.5]) {
      await expect(collect(data.entries(position))).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('not one of this data set'),
      });
    }
    await expect(collect(take(data, 3).entries(2))).rejects.toThrow('not one of this data set');
  });
});

test('map, filter, flatMap, take, skip, chain, interleave and batch do what their names say', async () => {
  const data = fromArray(numbers(6));
  expect(await collect(map(data, async (x) => 2 * x))).toEqual([0, 2, 4, 6, 8, 10]);
  expect(await collect(filter(data, (x) => x % 2 === 1))).toEqual([1, 3, 5]);
  expect(await collect(flatMap(take(data, 3), (x) => [x, -x]))).toEqual([0, -0, 1, -1, 2, -2]);
  expect(await collect(skip(take(data, 4), 2))).toEqual([2, 3]);
  expect(await collect(take(data, 0))).toEqual([]);
  expect(await collect(chain([take(data, 2), skip(data, 5)]))).toEqual([0, 1, 5]);
  expect(await collect(interleave([take(data, 1), data, skip(data, 4)]))).toEqual([
    0, 0, 4, 1, 5, 2, 3, 4, 5,
  ]);
  expect(await collect(interleave<number>([]))).toEqual([]);
  expect(await collect(batch(data, { size: 4 }))).toEqual([
    [0, 1, 2, 3],
    [4, 5],
  ]);
  expect(await collect(batch(data, { size: 4, rest: 'drop' }))).toEqual([[0, 1, 2, 3]]);
});

test('take reads no more than it gives', async () => {
  const seen: number[] = [];
  const data = map(fromArray(numbers(9)), (x) => seen.push(x));
  await collect(take(data, 2));
  expect(seen).toEqual([0, 1]);
});

describe('shuffle', () => {
  test('gives every item once, in an order that seed and epoch decide', async () => {
    const order = (seed: number, epoch: number): Promise<number[]> =>
      collect(shuffle(numbers(50), { seed, epoch }));
    expect((await order(1, 1)).toSorted((a, b) => a - b)).toEqual(numbers(50));
    expect(await order(1, 1)).toEqual(await order(1, 1));
    expect(await order(1, 1)).not.toEqual(await order(1, 2));
    expect(await order(1, 1)).not.toEqual(await order(2, 1));
  });

  test('in blocks keeps each item in its block, and shuffles each in its own way', async () => {
    const mixed = await collect(
      shuffleBlocks(fromArray(numbers(60)), { seed: 3, epoch: 1, buffer: 20 }),
    );
    const blocks = [0, 20, 40].map((start) => mixed.slice(start, start + 20));
    blocks.forEach((block, i) => {
      expect(block.toSorted((a, b) => a - b)).toEqual(numbers(20).map((x) => x + 20 * i));
    });
    expect(blocks[0]).not.toEqual(blocks[1]?.map((x) => x - 20));
  });
});

describe('bucketByLength', () => {
  const lengths = [5, 1, 4, 2, 5, 3, 1, 2];
  const data = fromArray(lengths);

  test('puts items of like length together', async () => {
    const batches = await collect(bucketByLength(data, { length: (x) => x, size: 3 }));
    expect(batches).toEqual([
      [1, 1, 2],
      [2, 3, 4],
      [5, 5],
    ]);
  });

  test('keeps to the tokens that a batch may have', async () => {
    const batches = await collect(bucketByLength(data, { length: (x) => x, size: 9, tokens: 6 }));
    expect(batches).toEqual([[1, 1, 2], [2, 3], [4], [5], [5]]);
    await expect(
      collect(bucketByLength(data, { length: (x) => x, size: 9, tokens: 4 })),
    ).rejects.toMatchObject({ code: 'invalid-argument', received: '5' });
  });

  test('shuffles the batches of a window, not what is in them', async () => {
    const options = { length: (x: number) => x, size: 2 };
    const plain = await collect(bucketByLength(data, options));
    const mixed = await collect(
      bucketByLength(data, { ...options, shuffle: { seed: 5, epoch: 2 } }),
    );
    expect(mixed).not.toEqual(plain);
    expect(mixed.toSorted().map(String)).toEqual(plain.toSorted().map(String));
  });
});

describe('pack', () => {
  const texts = fromArray([[1, 2, 3], [], [4], [5, 6, 7, 8, 9]]);

  test('cuts texts that follow each other, with positions, documents and labels', async () => {
    expect(await collect(pack(texts, { length: 4, separator: 0 }))).toEqual([
      {
        input_ids: [1, 2, 3, 0],
        labels: [-100, 2, 3, 0],
        position_ids: [0, 1, 2, 3],
        documents: [0, 0, 0, 0],
      },
      {
        input_ids: [0, 4, 0, 5],
        labels: [-100, -100, 0, -100],
        position_ids: [0, 0, 1, 0],
        documents: [0, 1, 1, 2],
      },
      {
        input_ids: [6, 7, 8, 9],
        labels: [6, 7, 8, 9],
        position_ids: [0, 1, 2, 3],
        documents: [0, 0, 0, 0],
      },
    ]);
  });

  test('loses no token, with the rest kept', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(9))), size, async (docs, length) => {
        const rows = await collect(pack(fromArray(docs), { length, rest: 'keep' }));
        expect(rows.flatMap(({ input_ids }) => input_ids)).toEqual(docs.flat());
        expect(rows.slice(0, -1).every(({ input_ids }) => input_ids.length === length)).toBe(true);
      }),
    );
  });

  test('refuses rows without room', () => {
    expect(() => pack(texts, { length: 0 })).toThrow('at least one token');
  });
});
