import { clipByGlobalNorm, clipByValue, globalNorm } from '@lorikeet/nn';
import { evaluate, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers } from './support.ts';

interface Pair {
  readonly a: Tensor;
  readonly b: readonly Tensor[];
}

/** A tree of norm 13. */
const gradients: Pair = { a: tensor([3, -4]), b: [tensor([[12]]), tensor([0])] };

async function flat({ a, b }: Pair): Promise<number[]> {
  return (await Promise.all([a, ...b].map(numbers))).flat();
}

describe('globalNorm', () => {
  test('is the length of all elements together', async () => {
    expect(await globalNorm(gradients).item()).toBe(13);
    expect(globalNorm(gradients)).toMatchObject({ shape: [], dtype: 'f32' });
  });

  test('of a tree without tensors is 0', async () => {
    expect(await globalNorm({ a: null }).item()).toBe(0);
  });

  test('is exact in f64, and finite for numbers whose squares f16 cannot hold', async () => {
    expect(await globalNorm(tensor([1, 1], [2], 'f64')).item()).toBe(Math.SQRT2);
    expect(await globalNorm(tensor([3000, 4000], [2], 'f16')).item()).toBe(5000);
  });
});

describe('clipByGlobalNorm', () => {
  const clip = (limit: number, given: Pair = gradients): Promise<number[]> =>
    flat(clipByGlobalNorm(limit).update(given, null, given).updates);

  test('leaves gradients that are short enough as they are', async () => {
    expect(await clip(13.5)).toEqual([3, -4, 12, 0]);
    const none = { a: tensor([0, 0]), b: [] };
    expect(await clip(1, none)).toEqual([0, 0]);
  });

  test('scales longer ones down together, by the factor of PyTorch', async () => {
    const factor = 6.5 / (13 + 1e-6);
    expectClose(
      await clip(6.5),
      [3, -4, 12, 0].map((value) => value * factor),
    );
  });

  test("divides by the norm plus PyTorch's 1e-6", async () => {
    const small = { a: tensor([3e-6, 4e-6], [2], 'f64'), b: [] };
    const values = await clip(1e-6, small);
    expectClose(
      values.map((value) => value * 1e6),
      [3 / 6, 4 / 6],
      1e-9,
    );
  });

  test('has no state', () => {
    const optimizer = clipByGlobalNorm(1);
    expect(optimizer.init(gradients)).toBeNull();
    expect(optimizer.update(gradients, null, gradients).state).toBeNull();
  });
});

test('clipByValue bounds every element by itself', async () => {
  const { updates } = clipByValue(3.5).update(gradients, null, gradients);
  expect(await flat(await evaluate(updates))).toEqual([3, -3.5, 3.5, 0]);
});
