import {
  Embedding,
  type Initializer,
  kaimingUniform,
  Linear,
  materialize,
  normalInitializer,
  xavierUniform,
} from '@lorikeet/nn';
import { randomKey, type Shape } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { numbers } from './support.ts';

interface Summary {
  readonly mean: number;
  readonly variance: number;
  readonly largest: number;
}

async function summary(initializer: Initializer, shape: Shape): Promise<Summary> {
  const values = await numbers(initializer(randomKey(7), shape));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance, largest: Math.max(...values.map(Math.abs)) };
}

describe.each<[name: string, initializer: Initializer, shape: Shape, bound: number]>([
  ['kaimingUniform', kaimingUniform(), [100, 400], 1 / Math.sqrt(400)],
  ['kaimingUniform of slope 0', kaimingUniform(0), [100, 400], Math.sqrt(6 / 400)],
  ['kaimingUniform of a kernel', kaimingUniform(), [100, 40, 5, 2], 1 / Math.sqrt(400)],
  ['xavierUniform', xavierUniform(), [100, 400], Math.sqrt(6 / 500)],
])('%s', (_, initializer, shape, bound) => {
  test('fills its bounds evenly', async () => {
    const { mean, variance, largest } = await summary(initializer, shape);
    expect(Math.abs(mean)).toBeLessThan(0.02 * bound);
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1);
    expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(largest).toBeGreaterThan(0.99 * bound);
  });
});

test('normalInitializer has mean 0 and the given deviation', async () => {
  const { mean, variance, largest } = await summary(normalInitializer(0.02), [200, 200]);
  expect(Math.abs(mean)).toBeLessThan(0.02 * 0.02);
  expect(variance / 0.02 ** 2).toBeCloseTo(1, 1);
  expect(largest).toBeGreaterThan(3 * 0.02);
});

test.each([
  ['kaimingUniform', kaimingUniform()],
  ['xavierUniform', xavierUniform()],
  ['normalInitializer', normalInitializer(1)],
])('%s gives the same f32 values for the same key, and others for another', async (_, make) => {
  const values = (seed: number) => numbers(make(randomKey(seed), [3, 4]));
  expect(make(randomKey(1), [3, 4])).toMatchObject({ shape: [3, 4], dtype: 'f32' });
  expect(await values(1)).toEqual(await values(1));
  expect(await values(1)).not.toEqual(await values(2));
});

test('layers start as their initialiser says', async () => {
  const linear = Linear.init({ inFeatures: 16, outFeatures: 8 }, randomKey(1));
  const weight = await numbers(materialize(linear.weight));
  expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(0.25);
  const table = Embedding.init(
    { numEmbeddings: 50, dimension: 40, initializer: normalInitializer(3) },
    randomKey(1),
  );
  const largest = Math.max(...(await numbers(materialize(table.weight))).map(Math.abs));
  expect(largest).toBeGreaterThan(6);
});
