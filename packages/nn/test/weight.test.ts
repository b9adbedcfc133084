import {
  baseOf,
  biasOf,
  Context,
  Conv1D,
  Convolution,
  contract,
  convolve,
  Embedding,
  GroupNorm,
  gather,
  isReparam,
  LayerNorm,
  Linear,
  materialize,
  paths,
  quantizeWeights,
  type Reparam,
  RMSNorm,
  type Weight,
  type WeightUse,
} from '@lorikeet/nn';
import {
  add,
  type ConvOptions,
  mul,
  ones,
  randomKey,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { numbers } from './support.ts';

/** Twice another weight, with no fast form. */
class Doubled implements Reparam {
  readonly base: Weight;

  constructor(base: Weight) {
    this.base = base;
  }

  materialize(): Tensor {
    return mul(materialize(this.base), 2);
  }
}

/** The same with fast forms, which note that they were asked. */
class FastDoubled extends Doubled {
  readonly asked: Asked;

  constructor(base: Weight, asked: Asked) {
    super(base);
    this.asked = asked;
  }

  contract(x: Tensor, use: WeightUse, context: Context): Tensor {
    this.asked.push(['contract', use, context]);
    return contract(mul(x, 2), this.base, use, context);
  }

  gather(ids: Tensor, context: Context): Tensor {
    this.asked.push(['gather', undefined, context]);
    return mul(gather(ids, this.base, context), 2);
  }

  convolve(x: Tensor, options: ConvOptions, context: Context): Tensor {
    this.asked.push(['convolve', options, context]);
    return convolve(mul(x, 2), this.base, options, context);
  }
}

type Asked = [form: string, options: unknown, context: Context][];

const matrix = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]);
const kernel = tensor([[[1, 2]]]);
const signal = tensor([[[1, 10, 100]]]);
const ids = tensor([2, 0], [2], 'i32');
const training = Context.training(randomKey(1));

describe.each<[name: string, wrap: (base: Weight) => Weight, factor: number]>([
  ['a plain tensor', (base) => base, 1],
  ['a reparametrisation without fast forms', (base) => new Doubled(base), 2],
  ['one with fast forms', (base) => new FastDoubled(base, []), 2],
  ['one of another', (base) => new FastDoubled(new Doubled(base), []), 4],
])('%s', (_, wrap, factor) => {
  const times = (values: number[]): number[] => values.map((value) => value * factor);

  test('is materialized as its formula says', async () => {
    expect(await numbers(materialize(wrap(matrix)))).toEqual(times([1, 2, 3, 4, 5, 6]));
    expect(materialize(wrap(matrix)).shape).toEqual([3, 2]);
  });

  test('has a plain tensor under it', () => {
    expect(baseOf(wrap(matrix))).toBe(matrix);
  });

  test('is contracted by the axis that the layer names', async () => {
    const rows = contract(tensor([[1, -1]]), wrap(matrix), { inputAxis: 1 });
    expect([rows.shape, await numbers(rows)]).toEqual([[1, 3], times([-1, -1, -1])]);
    const columns = contract(tensor([1, 0, -1]), wrap(matrix), { inputAxis: 0 }, training);
    expect([columns.shape, await numbers(columns)]).toEqual([[2], times([-4, -4])]);
  });

  test('is looked up by rows', async () => {
    expect(await numbers(gather(ids, wrap(matrix)))).toEqual(times([5, 6, 1, 2]));
  });

  test('is convolved with', async () => {
    const options = { padding: 1, stride: 3 };
    expect(await numbers(convolve(signal, wrap(kernel), {}))).toEqual(times([21, 210]));
    expect(await numbers(convolve(signal, wrap(kernel), options))).toEqual(times([2, 100]));
  });

  test('serves layers', async () => {
    const context = Context.evaluation;
    const outputs = [
      new Linear(wrap(matrix), wrap(zeros([3]))).call(tensor([1, 0]), context),
      new Conv1D(wrap(matrix), zeros([2])).call(tensor([0, 0, 1]), context),
      new Embedding(wrap(matrix)).call(ids, context),
      new Convolution(wrap(kernel), wrap(tensor([3]))).call(signal, context),
    ];
    expect(await Promise.all(outputs.map(numbers))).toEqual([
      times([1, 3, 5]),
      times([5, 6]),
      times([5, 6, 1, 2]),
      times([24, 213]),
    ]);
  });
});

test('layers use the fast forms, and give them how they use the weight and a context of their own', async () => {
  const asked: Asked = [];
  const fast = (base: Tensor): Weight => new FastDoubled(base, asked);
  new Linear(fast(matrix), null).call(tensor([1, 2]), training);
  new Conv1D(fast(matrix), zeros([2])).call(tensor([1, 2, 3]), training);
  new Embedding(fast(matrix)).call(ids, training);
  new Convolution(fast(kernel), null, { stride: 2 }).call(signal, training);
  expect(asked.map(([form, options]) => [form, options])).toEqual([
    ['contract', expect.objectContaining({ inputAxis: 1 })],
    ['contract', expect.objectContaining({ inputAxis: 0 })],
    ['gather', undefined],
    ['convolve', { stride: 2 }],
  ]);
  const [own, its] = [await numbers(training.child('weight').key ?? ids), training.key ?? ids];
  for (const [, , { key = ids }] of asked) expect(await numbers(key)).toEqual(own);
  expect(await numbers(its)).not.toEqual(own);
});

test('isReparam tells a formula from tensors and other things', () => {
  expect(isReparam(new Doubled(matrix))).toBe(true);
  expect(isReparam(new FastDoubled(matrix, []))).toBe(true);
  for (const other of [matrix, null, undefined, 1, {}, { base: matrix }, new Embedding(matrix)])
    expect(isReparam(other)).toBe(false);
});

test('a site is no part of the tree; a formula is, with its base', () => {
  const names = (tree: unknown): string[] => paths(tree).map(([path]) => path);
  expect(names(new Linear(matrix, zeros([3])))).toEqual(['weight', 'bias']);
  expect(names(new Convolution(kernel, null))).toEqual(['weight']);
  expect(names(new Linear(new Doubled(matrix), null))).toEqual(['weight.base']);
});

test('layers declare where their weight is and how they use it', () => {
  expect(new Linear(matrix, null).site).toEqual({ field: 'weight', kind: 'linear', inputAxis: 1 });
  expect(new Conv1D(matrix, matrix).site).toMatchObject({ kind: 'linear', inputAxis: 0 });
  expect(new Embedding(matrix).site).toMatchObject({ field: 'weight', kind: 'embedding' });
  expect(new Convolution(kernel, null).site).toMatchObject({ kind: 'conv', groups: 1 });
});

describe('a formula that changes the bias beside its weight', () => {
  /** Adds one to each element of the bias, and makes one where there is none. */
  class Shifted extends Doubled {
    adaptBias(bias: Tensor | null): Tensor {
      return bias === null ? ones([3]) : add(bias, 1);
    }
  }

  test('is asked by the layers that add one, under other formulas too', async () => {
    const context = Context.evaluation;
    const [bias, x] = [tensor([1, 2, 3]), zeros([1, 2])];
    for (const weight of [new Shifted(matrix), new Doubled(new Shifted(matrix))]) {
      expect(await numbers(new Linear(weight, bias).call(x, context))).toEqual([2, 3, 4]);
      expect(await numbers(new Linear(weight, null).call(x, context))).toEqual([1, 1, 1]);
    }
    const turned = new Shifted(matrix.permute([1, 0]));
    expect(await numbers(new Conv1D(turned, bias).call(x, context))).toEqual([2, 3, 4]);
    const convolution = new Convolution(new Shifted(kernel), tensor([1]));
    expect(await numbers(convolution.call(zeros([1, 1, 2]), context))).toEqual([2]);
  });

  test('is asked by normalisations', async () => {
    const [scale, bias] = [new Shifted(tensor([1, 1, 1])), tensor([0, 0, 4])];
    const constant = zeros([1, 3]);
    expect(await numbers(new LayerNorm(scale, bias, 1).call(constant))).toEqual([1, 1, 5]);
    expect(await numbers(new GroupNorm(scale, bias, 1, 1).call(constant))).toEqual([1, 1, 5]);
  });

  test('leaves a bias alone where there is no such formula', () => {
    const bias = tensor([1]);
    expect(biasOf(matrix, bias)).toBe(bias);
    expect(biasOf(new Doubled(matrix), bias)).toBe(bias);
    expect(biasOf(matrix, null)).toBeNull();
  });
});

test('normalisations are sites of a kind of their own, and are not quantised', () => {
  const norm = LayerNorm.init(4, 1e-5);
  expect(norm.site).toMatchObject({ field: 'weight', kind: 'norm' });
  expect(RMSNorm.init(4, 1e-5).site.kind).toBe('norm');
  expect(GroupNorm.init(2, 4, 1e-5).site.kind).toBe('norm');
  const model = { block: { norm } };
  expect(() => quantizeWeights(model, { '**.norm': { dtype: 'i8', blockSize: 2 } })).toThrow(
    'matches nothing',
  );
});
