import { Context, Conv1D, Convolution, Embedding, Linear, materialize, paths } from '@lorikeet/nn';
import { foldIn, normal, randomKey, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers } from './support.ts';

const context = Context.evaluation;
const matrix = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('Linear', () => {
  test('is x W^T + b', async () => {
    const y = new Linear(matrix, tensor([10, 20])).call(tensor([1, 0, -1]), context);
    expect(await numbers(y)).toEqual([8, 18]);
  });

  test('works without a bias, and on any number of axes before the last', async () => {
    const y = new Linear(matrix, null).call(tensor([[[1, 1, 1]], [[2, 0, 0]]]), context);
    expect(y.shape).toEqual([2, 1, 2]);
    expect(await numbers(y)).toEqual([6, 15, 2, 8]);
  });

  test('is made with a bias of zeros, or without one', async () => {
    const options = { inFeatures: 3, outFeatures: 2 };
    const [weight, bias] = paths(Linear.init(options, randomKey(1)));
    expect([weight?.[0], weight?.[1].shape, bias?.[0]]).toEqual(['weight', [2, 3], 'bias']);
    expect(await numbers(bias?.[1] ?? matrix)).toEqual([0, 0]);
    expect(Linear.init({ ...options, bias: false }, randomKey(1)).bias).toBeNull();
  });
});

describe('Conv1D', () => {
  test('is x W + b', async () => {
    const y = new Conv1D(matrix, tensor([10, 20, 30])).call(tensor([[1, -1]]), context);
    expect(y.shape).toEqual([1, 3]);
    expect(await numbers(y)).toEqual([7, 17, 27]);
  });

  test('is made with a weight of [in, out]', () => {
    const { weight, bias } = Conv1D.init({ inFeatures: 3, outFeatures: 2 }, randomKey(1));
    expect([weight, bias]).toMatchObject([{ shape: [3, 2] }, { shape: [2] }]);
  });

  test('starts as GPT-2, with the deviation 0.02', async () => {
    const { weight } = Conv1D.init({ inFeatures: 50, outFeatures: 40 }, randomKey(1));
    const values = await numbers(materialize(weight));
    expectClose(
      values,
      await numbers(normal(foldIn(randomKey(1), 'weight'), [50, 40], 0, 0.02)),
      1e-9,
    );
  });
});

describe('Convolution', () => {
  const line = tensor([[[1, 2, 3, 4]]]);

  test('slides its kernel over one axis, and adds the bias of each channel', async () => {
    const weight = tensor([[[1, -1]], [[1, 1]]]);
    const y = new Convolution(weight, tensor([100, 200])).call(line, context);
    expect(y.shape).toEqual([1, 2, 3]);
    expect(await numbers(y)).toEqual([99, 99, 99, 203, 205, 207]);
  });

  test('takes stride, padding and dilation, and no bias', async () => {
    const options = { stride: 2, padding: 1, dilation: 2 };
    const y = new Convolution(tensor([[[1, 10]]]), null, options).call(line, context);
    expect(await numbers(y)).toEqual([20, 42]);
  });

  test('works on two axes in groups', async () => {
    const x = tensor([[[[1, 2]], [[3, 4]]]]);
    const weight = tensor([[[[2]]], [[[3]]]]);
    const layer = new Convolution(weight, tensor([1, 2]), { groups: 2 });
    const y = layer.call(x, context);
    expect(y.shape).toEqual([1, 2, 1, 2]);
    expect(await numbers(y)).toEqual([3, 5, 11, 14]);
    expect([layer.site.groups, new Convolution(weight, null).site.groups]).toEqual([2, 1]);
  });
});

describe('Embedding', () => {
  test('looks rows up', async () => {
    const ids = tensor([1, 0, 1], [3, 1], 'i32');
    const y = new Embedding(matrix).call(ids, context);
    expect(y.shape).toEqual([3, 1, 3]);
    expect(await numbers(y)).toEqual([4, 5, 6, 1, 2, 3, 4, 5, 6]);
  });

  test('starts as BERT, with the deviation 0.02', async () => {
    const { weight } = Embedding.init({ numEmbeddings: 50, dimension: 40 }, randomKey(1));
    const values = await numbers(materialize(weight));
    expectClose(values, await numbers(normal(randomKey(1), [50, 40], 0, 0.02)), 1e-9);
  });
});
