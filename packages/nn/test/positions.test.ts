import {
  alibiBias,
  alibiSlopes,
  applyRotary,
  Context,
  RelativePositionBias,
  type RotaryPairs,
  relativeBucket,
  rotaryFrequencies,
  rotation,
} from '@lorikeet/nn';
import { mul, normal, randomKey, reshape, sum, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from './support.ts';

const ids = (...values: number[]): Tensor => tensor(values, [values.length], 'i32');

describe('rotary positions', () => {
  const config = { dimension: 4, theta: 100 };
  const frequencies = rotaryFrequencies(config);
  const x = tensor([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4]);

  test('turn slower from pair to pair', () => {
    expectClose(frequencies.inverse, [1, 0.1], 1e-12);
    expect(frequencies.magnitude).toBe(1);
    expectClose(rotaryFrequencies({ dimension: 4 }).inverse, [1, 0.01], 1e-12);
  });

  test('need pairs', () => {
    expect(() => rotaryFrequencies({ dimension: 3 })).toThrow(
      refusal('invalid-argument', 'received: 3'),
    );
  });

  const turn = (a: number, b: number, angle: number): number[] => [
    a * Math.cos(angle) - b * Math.sin(angle),
    b * Math.cos(angle) + a * Math.sin(angle),
  ];

  test('turn numbers half a head apart', async () => {
    const y = applyRotary(x, rotation(ids(3, 5), frequencies));
    const [[a = 0, c = 0], [b = 0, d = 0]] = [turn(1, 3, 3), turn(2, 4, 0.3)];
    const [[e = 0, g = 0], [f = 0, h = 0]] = [turn(5, 7, 5), turn(6, 8, 0.5)];
    expectClose(await numbers(y), [a, b, c, d, e, f, g, h]);
  });

  test('turn numbers side by side', async () => {
    const y = applyRotary(x, rotation(ids(3, 5), frequencies), 'interleaved');
    const expected = [turn(1, 2, 3), turn(3, 4, 0.3), turn(5, 6, 5), turn(7, 8, 0.5)];
    expectClose(await numbers(y), expected.flat());
  });

  test.each<RotaryPairs>(['half', 'interleaved'])('leave the last numbers (%s)', async (pairs) => {
    const few = rotation(ids(3, 5), rotaryFrequencies({ dimension: 2 }));
    const y = applyRotary(x, few, pairs);
    const expected = [...turn(1, 2, 3), 3, 4, ...turn(5, 6, 5), 7, 8];
    expectClose(await numbers(y), expected);
  });

  test('may differ by row', async () => {
    const rows = reshape(x, [2, 1, 1, 4]);
    const positions = tensor([3, 5], [2, 1], 'i32');
    const both = applyRotary(rows, rotation(positions, frequencies));
    const one = applyRotary(x, rotation(ids(3, 5), frequencies));
    expect(await numbers(both)).toEqual(await numbers(one));
  });

  test('are multiplied with the magnitude', async () => {
    const y = applyRotary(x, rotation(ids(0, 0), { ...frequencies, magnitude: 2 }));
    expect(await numbers(y)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
  });

  test.each<RotaryPairs>(['half', 'interleaved'])(
    'make products depend on distances only (%s)',
    async (pairs) => {
      const [q, k] = [1, 2].map((seed) => normal(randomKey(seed), [1, 1, 1, 4])) as [
        Tensor,
        Tensor,
      ];
      const at = (y: Tensor, position: number): Tensor =>
        applyRotary(y, rotation(ids(position), frequencies), pairs);
      const product = (i: number, j: number): Promise<number> =>
        sum(mul(at(q, i), at(k, j))).item();
      expectClose([await product(9, 4)], [await product(5, 0)], 1e-5);
      expect(Math.abs((await product(9, 4)) - (await product(9, 5)))).toBeGreaterThan(1e-3);
    },
  );

  test('keep the dtype, and are refused where there are too many', () => {
    const many = rotation(ids(0, 1), rotaryFrequencies({ dimension: 6 }));
    expect(applyRotary(x.cast('f16'), rotation(ids(3, 5), frequencies)).dtype).toBe('f16');
    expect(() => applyRotary(x, many)).toThrow(refusal('shape-mismatch', 'at most 2 angles'));
  });
});

describe('RelativePositionBias', () => {
  // Made with the formula of transformers in single precision.
  const distances = [
    -200, -128, -127, -91, -90, -64, -63, -32, -16, -15, -9, -8, -7, -1, 0, 1, 7, 8, 11, 12, 16, 23,
    32, 64, 90, 91, 127, 128, 500,
  ];
  const both = [
    15, 15, 15, 15, 14, 14, 13, 12, 10, 9, 8, 8, 7, 1, 0, 17, 23, 24, 24, 25, 26, 27, 28, 30, 30,
    31, 31, 31, 31,
  ];
  const before = [
    31, 31, 31, 29, 29, 26, 26, 21, 16, 15, 9, 8, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  ];

  test.each([
    [true, both],
    [false, before],
  ])('has the buckets of T5 (bidirectional %s)', (bidirectional, expected) => {
    const options = { buckets: 32, maxDistance: 128, bidirectional };
    expect(distances.map((distance) => relativeBucket(distance, options))).toEqual(expected);
  });

  const table = tensor([
    [0, 100],
    [1, 101],
    [2, 102],
    [3, 103],
  ]);

  test('gives a number for each head, query and key', async () => {
    const bias = new RelativePositionBias(table, { maxDistance: 8, bidirectional: true });
    const y = bias.call(2, 3, undefined, Context.evaluation);
    expect(y.shape).toEqual([1, 2, 2, 3]);
    const one = [1, 0, 3, 1, 1, 0]; // the first query stands at the second key
    expect(await numbers(y)).toEqual([...one, ...one.map((value) => value + 100)]);
  });

  test('looks back only, if it is not bidirectional', async () => {
    const bias = new RelativePositionBias(table, { maxDistance: 8, bidirectional: false });
    const y = bias.call(3, 3, undefined, Context.evaluation);
    expect((await numbers(y)).slice(0, 9)).toEqual([0, 0, 0, 1, 0, 0, 2, 1, 0]);
  });

  test('is the same for the last query alone as for all', async () => {
    const bias = new RelativePositionBias(table, { maxDistance: 8, bidirectional: true });
    const [all, last] = [
      bias.call(3, 3, undefined, Context.evaluation),
      bias.call(1, 3, undefined, Context.evaluation),
    ];
    expect((await numbers(last)).slice(0, 3)).toEqual((await numbers(all)).slice(6, 9));
  });

  test('is a table that can be adapted', () => {
    const options = { buckets: 4, heads: 2, maxDistance: 8, bidirectional: true };
    const bias = RelativePositionBias.init(options, randomKey(1));
    expect([bias.weight, bias.site]).toMatchObject([{ shape: [4, 2] }, { kind: 'embedding' }]);
  });
});

describe('ALiBi', () => {
  test('has slopes that halve, or go by roots, from head to head', () => {
    expectClose(
      alibiSlopes(8),
      [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256],
      1e-15,
    );
    expectClose(alibiSlopes(2), [1 / 16, 1 / 256], 1e-15);
    expectClose(alibiSlopes(1), [1 / 256], 1e-15);
  });

  test('takes slopes in between, if the heads are no power of two', () => {
    expectClose(alibiSlopes(3), [1 / 16, 1 / 256, 1 / 4], 1e-15);
    expectClose(alibiSlopes(6), [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8], 1e-15);
  });

  test('falls with the distance', async () => {
    const bias = alibiBias(2, 2, 3);
    expect(bias.shape).toEqual([1, 2, 2, 3]);
    const one = [-1, 0, 1, -2, -1, 0];
    expectClose(await numbers(bias), [
      ...one.map((value) => value / 16),
      ...one.map((value) => value / 256),
    ]);
  });
});
