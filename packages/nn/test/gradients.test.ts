import {
  activation,
  at,
  Context,
  Conv1D,
  Convolution,
  Embedding,
  LayerNorm,
  Linear,
  MLP,
  mapTree,
  multiHeadAttention,
  paths,
  replaceAt,
} from '@lorikeet/nn';
import { evaluate, grad, normal, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers } from './support.ts';

interface Layer {
  call(x: Tensor, context: Context): Tensor;
}

class Attention {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;

  constructor([query, key, value]: readonly [Linear, Linear, Linear]) {
    this.query = query;
    this.key = key;
    this.value = value;
  }

  call(x: Tensor, context: Context): Tensor {
    const [query, key, value] = [this.query, this.key, this.value].map((part, i) =>
      part.call(x, context.child(i)),
    ) as [Tensor, Tensor, Tensor];
    const options = { heads: 2, dropout: 0.5, causal: true };
    return multiHeadAttention({ query, key, value }, options, context.child('dropout'));
  }
}

let seed = 1;
const random = (...shape: number[]): Tensor => normal(randomKey(seed++), shape);
const linear = (): Linear => new Linear(random(4, 4), random(4));
const ids = tensor([2, 0, 2, 1, 1, 0], [2, 3], 'i32');

const layers: readonly (readonly [name: string, layer: Layer, x: Tensor])[] = [
  ['Linear', new Linear(random(2, 3), random(2)), random(2, 4, 3)],
  ['Linear without a bias', new Linear(random(2, 3), null), random(2, 3)],
  ['Conv1D', new Conv1D(random(3, 2), random(2)), random(2, 4, 3)],
  [
    'Convolution',
    new Convolution(random(4, 1, 2, 2), random(4), { groups: 2, padding: 1, stride: 2 }),
    random(2, 2, 3, 3),
  ],
  ['Embedding', new Embedding(random(4, 3)), ids],
  ['LayerNorm', new LayerNorm(random(4), random(4), 1e-5), random(2, 3, 4)],
  ['MLP of gelu', new MLP(linear(), linear(), 'gelu'), random(2, 4)],
  ['MLP of gelu_new', new MLP(linear(), linear(), 'gelu_new'), random(2, 4)],
  ['MLP of silu', new MLP(linear(), linear(), 'silu'), random(2, 4)],
  ['attention', new Attention([linear(), linear(), linear()]), random(2, 3, 4)],
];

const toDouble = (leaf: Tensor): Tensor => (leaf.dtype === 'f32' ? leaf.cast('f64') : leaf);

/** The slope of `fn` at each element of the tensor at `path`, by central differences. */
async function slopes<T>(fn: (tree: T) => Tensor, tree: T, path: string): Promise<number[]> {
  const leaf = at(tree, path) as Tensor;
  const values = await numbers(leaf);
  const valueAt = (index: number, shift: number): Promise<number> => {
    const moved = values.map((value, i) => (i === index ? value + shift : value));
    return fn(replaceAt(tree, path, tensor(moved, leaf.shape, 'f64'))).item();
  };
  const step = 1e-5;
  return await Promise.all(
    values.map(async (_, i) => ((await valueAt(i, step)) - (await valueAt(i, -step))) / (2 * step)),
  );
}

describe.each(layers)('%s', (_, layer, x) => {
  test.each([
    ['evaluation', Context.evaluation],
    ['training', Context.training(randomKey(99))],
  ])('has the gradients of central differences in %s', async (_mode, context) => {
    const tree = await evaluate(mapTree({ layer, x }, toDouble));
    const weights = normal(randomKey(7), layer.call(x, context).shape).cast('f64');
    // A random projection: no gradient can hide in a sum that is constant.
    const loss = (leaves: { layer: Layer; x: Tensor }): Tensor =>
      leaves.layer.call(leaves.x, context).mul(weights).sum();
    const isFixed = x.dtype === 'i32';
    const gradient = isFixed
      ? { layer: grad((l: Layer) => loss({ layer: l, x }))(tree.layer) }
      : grad(loss)(tree);
    expect(paths(gradient).length).toBe(paths(tree).length - (isFixed ? 1 : 0));
    for (const [path, leaf] of paths(gradient)) {
      expect(leaf.dtype).toBe('f64');
      expectClose(await numbers(leaf), await slopes(loss, tree, path));
    }
  });

  test('gives for a batch what it gives one by one', async () => {
    const whole = layer.call(x, Context.evaluation);
    const values = await numbers(x);
    const size = x.size / 2;
    const parts = [0, 1].map((i) =>
      layer.call(
        tensor(values.slice(i * size, (i + 1) * size), [1, ...x.shape.slice(1)], x.dtype),
        Context.evaluation,
      ),
    );
    expect(parts[0]?.shape).toEqual([1, ...whole.shape.slice(1)]);
    expectClose(await numbers(whole), (await Promise.all(parts.map(numbers))).flat());
  });
});

test.each(['gelu', 'gelu_new', 'silu', 'tanh', 'relu'])(
  'the activation %s has the slope of central differences',
  async (name) => {
    const x = tensor([-2, -0.3, 0.4, 1.7], [4], 'f64');
    const loss = (tree: { x: Tensor }): Tensor => activation(name)(tree.x).sum();
    expectClose(await numbers(grad(loss)({ x }).x), await slopes(loss, { x }, 'x'));
  },
);
