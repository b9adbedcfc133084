import { Convolution, Linear } from '@lorikeet/nn';
import { adapt, boft, hra, merge, oft } from '@lorikeet/peft-lora';
import {
  dot,
  matmul,
  normal,
  randomKey,
  swapAxes,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { nearestDivisor } from '../src/orthogonal/blockLayout.ts';
import { cayley, cayleyNeumann, skewMatrices } from '../src/orthogonal/cayley.ts';
import {
  orthonormalColumns,
  reflect,
  reflectBack,
  unitColumns,
} from '../src/orthogonal/reflections.ts';
import { largestResult } from './largestResult.ts';
import { expectClose, numbers, refusal, trainedForm } from './support.ts';

const unit3 = tensor([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);

describe('rotations', () => {
  const skew = skewMatrices(normal(randomKey(1), [2, 3], 0, 0.05), 3);

  test('come from skew-symmetric matrices, packed row by row', async () => {
    const packed = tensor([1, 2, 3], [1, 3]);
    expect(await numbers(skewMatrices(packed, 3))).toEqual([0, 1, 2, -1, 0, 3, -2, -3, 0]);
  });

  test('are orthogonal, and near to the series of the transposed matrix', async () => {
    const rotation = cayley(skew);
    const both = matmul(rotation, swapAxes(rotation));
    await expectClose(both, unit3.reshape([1, 3, 3]).broadcastTo([2, 3, 3]), 1e-5);
    await expectClose(cayleyNeumann(swapAxes(skew), 12), rotation, 1e-5);
  });

  test('as a series end as in PEFT', async () => {
    const q = skewMatrices(tensor([2], [1, 1]), 2);
    // Q² is -4 I: I + 2 Q; + 2 Q² + Q³; + 2 Q³ + Q⁴.
    expect(await numbers(cayleyNeumann(q, 2))).toEqual([1, 4, -4, 1]);
    expect(await numbers(cayleyNeumann(q, 3))).toEqual([-7, -4, 4, -7]);
    expect(await numbers(cayleyNeumann(q, 4))).toEqual([-7, -4, 4, -7]);
    expect(await numbers(cayleyNeumann(q, 5))).toEqual([9, -12, 12, 9]);
  });

  test('take the nearest size that divides', () => {
    const sizes = [
      [32, 8, 8],
      [32, 64, 32],
      [30, 8, 6],
      [30, 9, 10],
      [7, 4, 1],
    ] as const;
    for (const [n, wanted, size] of sizes) expect(nearestDivisor(n, wanted)).toBe(size);
  });

  test('of a constrained adapter stay within their ball', async () => {
    const packed = { part: new Linear(normal(randomKey(3), [4, 4]), null) };
    const options = { blockSize: 4, coft: true, useCayleyNeumann: false };
    for (const epsilon of [1e-3, 1e-2]) {
      const tuned = await trainedForm(adapt(packed, { part: oft({ ...options, epsilon }) }));
      const change = await numbers(
        (merge(tuned).part.weight as Tensor).sub(packed.part.weight as Tensor),
      );
      const size = Math.hypot(...change);
      const weight = Math.hypot(...(await numbers(packed.part.weight as Tensor)));
      expect(size).toBeLessThan(2.1 * epsilon * weight);
      expect(size).toBeGreaterThan(0.2 * epsilon);
    }
  });
});

describe('reflections', () => {
  test('in their compact form are those one after the other, for vectors near to each other too', async () => {
    const rows = normal(randomKey(4), [5, 9]);
    const far = normal(randomKey(5), [9, 7]);
    const near = normal(randomKey(6), [9, 1]).add(normal(randomKey(7), [9, 32], 0, 1e-3));
    for (const vectors of [far, near]) {
      const units = unitColumns(vectors, rows);
      await expectClose(reflectBack(reflect(rows, units), units), rows, 2e-5);
    }
  });

  test('by orthonormal vectors take any independent ones', async () => {
    const basis = orthonormalColumns(normal(randomKey(8), [6, 3]), zeros([1]));
    await expectClose(dot(basis, basis, { contract: [[0], [0]] }), unit3, 1e-5);
  });
});

test('fast forms make no matrix of the size of the weight, and their derivatives none', () => {
  const layer = { part: new Linear(zeros([48, 64]), null) };
  for (const how of [
    oft({ blockSize: 8 }),
    boft({ butterflyFactors: 3 }),
    hra(),
    hra({ applyGS: true }),
  ]) {
    const size = largestResult(adapt(layer, { part: how }).part, zeros([2, 64]));
    expect([how.variant.name, size < 48 * 64]).toEqual([how.variant.name, true]);
  }
});

test('what PEFT refuses is refused, with the reason', () => {
  const layer = { part: new Linear(zeros([4, 12]), null) };
  expect(() => oft({ blockSize: 4, blockCount: 2 })).toThrow(refusal('invalid-config', 'blocks'));
  expect(oft({ blockCount: 3 }).config).toMatchObject({ blockSize: 0, blockCount: 3 });
  const refused = [
    [boft({ blockSize: 5 }), 'cannot be cut into equal blocks'],
    [boft({ blockSize: 4, butterflyFactors: 2 }), 'a multiple of 2'],
    [boft({ blockSize: 3, butterflyFactors: 2 }), 'an even size'],
    [hra({ rank: 13, applyGS: true }), 'orthogonal vectors'],
  ] as const;
  for (const [how, reason] of refused)
    expect(() => adapt(layer, { part: how })).toThrow(refusal('unsupported', reason));
  const line = { part: new Convolution(zeros([2, 1, 1]), null) };
  for (const how of [oft(), hra()])
    expect(() => adapt(line, { part: how })).toThrow(refusal('unsupported', 'feature'));
});
