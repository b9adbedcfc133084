import { activation, Context, Dropout, LayerNorm, Linear, MLP, paths } from '@lorikeet/nn';
import { ones, randomKey, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from './support.ts';

const context = Context.evaluation;
const matrix = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('LayerNorm', () => {
  test('brings mean and variance of the last axis to 0 and 1, then scales and shifts', async () => {
    const layer = new LayerNorm(tensor([1, 2]), tensor([10, 20]), 1);
    const y = layer.call(
      tensor(
        [
          [3, -3],
          [5, 5],
        ],
        [2, 2],
        'f32',
      ),
    ); // variances 9 and 0
    expectClose(await numbers(y), [10 + 3 / Math.sqrt(10), 20 - 6 / Math.sqrt(10), 10, 20]);
  });

  test('starts as the normalisation alone', async () => {
    const y = LayerNorm.init(4, 0).call(tensor([1, 1, -1, -1]).mul(5).add(7));
    expectClose(await numbers(y), [1, 1, -1, -1]);
  });
});

describe('Dropout', () => {
  const x = ones([20, 500]);

  test.each([-0.1, 1, 1.5, Number.NaN])('refuses the rate %d', (rate) => {
    expect(() => new Dropout(rate)).toThrow(refusal('invalid-argument', `${rate} is no rate`));
  });

  test('does nothing in evaluation', () => {
    expect(new Dropout(0.5).call(x, context)).toBe(x);
  });

  test('does nothing at rate 0', async () => {
    const y = new Dropout(0).call(x, Context.training(randomKey(1)));
    expect(await numbers(y)).toEqual(await numbers(x));
  });

  test('in training drops at its rate, scales what stays, and keeps the mean', async () => {
    const values = await numbers(new Dropout(0.2).call(x, Context.training(randomKey(1))));
    const kept = values.filter((value) => value !== 0);
    expectClose(kept, new Array<number>(kept.length).fill(1.25));
    expect(kept.length / x.size).toBeCloseTo(0.8, 1);
    expect(values.reduce((sum, value) => sum + value, 0) / x.size).toBeCloseTo(1, 1);
  });
});

describe('MLP', () => {
  test('puts the activation between its layers', async () => {
    const up = new Linear(matrix, tensor([0, -20]));
    const mlp = new MLP(up, new Linear(tensor([[2, 3]]), tensor([1])), 'relu');
    expect(await numbers(mlp.call(tensor([1, 1, 1]), context))).toEqual([13]);
  });

  test('is made of two different layers of the given sizes', async () => {
    const sizes = { inFeatures: 3, hiddenFeatures: 3, outFeatures: 3, activation: 'gelu' };
    const mlp = MLP.init(sizes, randomKey(1));
    const leaves = paths(mlp);
    expect(leaves.map(([path]) => path)).toEqual([
      'up.weight',
      'up.bias',
      'down.weight',
      'down.bias',
    ]);
    const [up, , down] = await Promise.all(leaves.map(([, leaf]) => numbers(leaf)));
    expect(up).not.toEqual(down);
  });
});

describe('activation', () => {
  const x = [-2, -0.5, 0, 1.5];
  const tanhGelu = (v: number): number =>
    0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  const silu = (v: number): number => v / (1 + Math.exp(-v));

  test.each<[name: string, formula: (value: number) => number]>([
    ['relu', (v) => Math.max(v, 0)],
    ['tanh', Math.tanh],
    ['silu', silu],
    ['swish', silu],
    ['gelu_new', tanhGelu],
    ['gelu_pytorch_tanh', tanhGelu],
  ])('%s is its formula', async (name, formula) => {
    expectClose(await numbers(activation(name)(tensor(x))), x.map(formula));
  });

  test('gelu is x times the normal distribution function', async () => {
    const table = [-2 * 0.022750132, -0.5 * 0.308537539, 0, 1.5 * 0.933192799];
    expectClose(await numbers(activation('gelu')(tensor(x))), table);
  });

  test.each(['', 'geluu', 'toString'])("refuses '%s' and names those that it knows", (name) => {
    expect(() => activation(name)).toThrow(refusal('unsupported', 'gelu, gelu_new, '));
  });
});
