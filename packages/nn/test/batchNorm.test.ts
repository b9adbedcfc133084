import { BatchNorm, Context, paths } from '@lorikeet/nn';
import { evaluate, grad, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers } from './support.ts';

const training = Context.training(randomKey(1));
const x = tensor([1, 3, 10, 30, 5, 7, 50, 70], [2, 2, 2]); // the channels 1 3 5 7 and 10 30 50 70
const layer = new BatchNorm(
  { weight: tensor([2, 3]), bias: tensor([0.5, -1]) },
  { mean: tensor([1, 20]), variance: tensor([4, 100]) },
  { epsilon: 0.01 },
);

/** The values of `x`, each by the mean and the variance of its channel. */
async function expected(mean: readonly number[], variance: readonly number[]): Promise<number[]> {
  const [weight, bias] = [
    [2, 3],
    [0.5, -1],
  ];
  return (await numbers(x)).map((value, i) => {
    const c = Math.floor(i / 2) % 2;
    const root = Math.sqrt((variance[c] ?? 0) + 0.01);
    return ((value - (mean[c] ?? 0)) / root) * (weight[c] ?? 0) + (bias[c] ?? 0);
  });
}

describe('BatchNorm', () => {
  test('goes by its running averages in evaluation', async () => {
    const y = await numbers(layer.call(x, Context.evaluation));
    expectClose(y, await expected([1, 20], [4, 100]), 1e-5);
  });

  test('goes by the batch in training, whose variance is by n', async () => {
    const y = await numbers(layer.call(x, training));
    expectClose(y, await expected([4, 40], [5, 500]), 1e-5);
  });

  test('gives the layer with averages moved by a tenth, of variances by n - 1', async () => {
    const next = layer.updated(x);
    expect(next).toBeInstanceOf(BatchNorm);
    expectClose(await numbers(next.running_mean), [1.3, 22]);
    expectClose(await numbers(next.running_var), [3.6 + 5 * (4 / 30), 90 + 500 * (4 / 30)]);
    expect([next.weight, next.bias, next.epsilon, next.momentum]).toEqual([
      layer.weight,
      layer.bias,
      0.01,
      0.1,
    ]);
    expect(await numbers(layer.running_mean)).toEqual([1, 20]);
  });

  test('takes up as much of a batch as its momentum says', async () => {
    const quick = BatchNorm.init(2, { momentum: 1 }).updated(x);
    expectClose(await numbers(quick.running_mean), [4, 40]);
  });

  test('starts as the identity, but for epsilon', async () => {
    const fresh = BatchNorm.init(2);
    expect(paths(fresh).map(([path]) => path)).toEqual([
      'weight',
      'bias',
      'running_mean',
      'running_var',
    ]);
    expectClose(await numbers(fresh.call(x, Context.evaluation)), await numbers(x), 1e-5);
  });

  test('has no derivative through its averages', async () => {
    const slope = grad((input: Tensor) => layer.updated(input).running_var.sum())(x);
    expect(new Set(await numbers(await evaluate(slope)))).toEqual(new Set([0]));
  });

  test('keeps the dtype of its averages', () => {
    expect(layer.updated(x.cast('f16')).running_mean.dtype).toBe('f32');
  });
});
