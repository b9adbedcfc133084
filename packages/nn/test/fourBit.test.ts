import {
  Context,
  contract,
  Embedding,
  FourBit,
  gather,
  Linear,
  paths,
  quantizeWeights,
} from '@lorikeet/nn';
import {
  byteLengthOf,
  normal,
  permute,
  randomKey,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const numbers = async (value: Tensor): Promise<number[]> => [...(await value.data())];
const weight = normal(randomKey(1), [5, 70]);
const rows = { inputAxis: 1 } as const;

async function errors(quantized: FourBit): Promise<number[]> {
  const [got, expected] = [await numbers(quantized.materialize()), await numbers(weight)];
  return got.map((value, i) => Math.abs(value - (expected[i] ?? 0)));
}

describe.each(['nf4', 'fp4'] as const)('%s', (dtype) => {
  test.each([false, true])('is off by no more than it says, quantised twice %s', async (twice) => {
    const quantized = FourBit.of(weight, rows, { dtype, blockSize: 16, doubleQuantize: twice });
    const [off, allowed] = [await errors(quantized), await numbers(quantized.errorBound())];
    off.forEach((error, i) => {
      expect(error).toBeLessThanOrEqual((allowed[i] ?? 0) * (1 + 1e-5));
    });
    expect(Math.max(...off)).toBeGreaterThan(0.02);
    const again = quantized.requantize(quantized.materialize());
    expect([again.dtype, again.scaleSteps === null]).toEqual([dtype, !twice]);
  });

  test('gives its own numbers back', async () => {
    const first = FourBit.of(weight, rows, { dtype, blockSize: 7 });
    const again = first.requantize(first.materialize());
    expect(await numbers(again.materialize())).toEqual(await numbers(first.materialize()));
  });

  test('has blocks along the input, however its layer stores it, and reads single rows', async () => {
    const options = { dtype, blockSize: 16, doubleQuantize: true };
    const quantized = FourBit.of(weight, rows, options);
    const columns = FourBit.of(permute(weight, [1, 0]), { inputAxis: 0 }, options);
    expect(await numbers(permute(columns.materialize(), [1, 0]))).toEqual(
      await numbers(quantized.materialize()),
    );
    const ids = tensor([4, 0], [2], 'i32');
    const plain = quantized.materialize();
    expect(await numbers(gather(ids, quantized))).toEqual(await numbers(gather(ids, plain)));
    const x = normal(randomKey(2), [3, 70]);
    expect(await numbers(contract(x, quantized, rows))).toEqual(
      await numbers(contract(x, plain, rows)),
    );
  });
});

test('NormalFloat is nearer to normal weights than the 4-bit float', async () => {
  const total = async (dtype: 'nf4' | 'fp4'): Promise<number> => {
    const off = await errors(FourBit.of(weight, rows, { dtype, blockSize: 64 }));
    return off.reduce((sum, error) => sum + error * error, 0);
  };
  expect(await total('nf4')).toBeLessThan(await total('fp4'));
});

test('zeros and the ends of a block are exact', async () => {
  const line = tensor([0, -3, 1.5, 3, 0, 0, 0, 0], [1, 8]);
  for (const dtype of ['nf4', 'fp4'] as const) {
    const quantized = FourBit.of(line, rows, { dtype, blockSize: 4 });
    const values = await numbers(quantized.materialize());
    expect([values[0], values[1], values[3], ...values.slice(4)]).toEqual([0, -3, 3, 0, 0, 0, 0]);
  }
});

test('a model is quantised by selectors, in half a byte for each element and its scales', async () => {
  const model = {
    layer: new Linear(normal(randomKey(3), [64, 256]), null),
    table: Embedding.init({ numEmbeddings: 8, dimension: 64 }, randomKey(4)),
  };
  const small = quantizeWeights(model, {
    layer: { dtype: 'nf4', blockSize: 64, doubleQuantize: true },
    table: { dtype: 'fp4', blockSize: 64 },
  });
  expect([small.layer.weight, small.table.weight].every((own) => own instanceof FourBit)).toBe(
    true,
  );
  const bytes = paths(small.layer).reduce(
    (sum, [, leaf]) => sum + byteLengthOf(leaf.dtype, leaf.size),
    0,
  );
  // One scale in i8 for 64 elements, one step in f32 for 256 scales, and a mean.
  expect(bytes).toBe((64 * 256) / 2 + 64 * 4 + 4 + 4);
  const y = small.layer.call(normal(randomKey(5), [2, 256]), Context.evaluation);
  expect(y.shape).toEqual([2, 64]);
  expect(() => FourBit.of(weight, rows, { dtype: 'nf4', blockSize: 0 })).toThrow(/at least one/);
});
