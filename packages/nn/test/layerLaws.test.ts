import { describeLaws, moduleLaws } from '@lorikeet/laws';
import {
  activation,
  baseOf,
  type Context,
  Conv1D,
  Convolution,
  Dropout,
  Embedding,
  LayerNorm,
  Linear,
  MLP,
  multiHeadAttention,
} from '@lorikeet/nn';
import { type Draw, normal, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { describe, test } from 'vitest';

const runner = { describe, test };
const key = randomKey(4);
let seed = 10;
const random = (...shape: number[]): Tensor => normal(randomKey(seed++), shape);
/** One axis of rows, or two. */
const rows = (draw: Draw, width: number): number[] => [
  draw.integer(1, 3),
  ...(draw.boolean() ? [2] : []),
  width,
];

const linear = moduleLaws({
  make: (draw) =>
    Linear.init({ inFeatures: 3, outFeatures: draw.integer(1, 3), bias: draw.boolean() }, key),
  input: (draw) => rows(draw, 3),
});
describeLaws('Linear', linear, runner);

const conv1D = moduleLaws({
  make: (draw) => Conv1D.init({ inFeatures: 2, outFeatures: draw.integer(1, 3) }, key),
  input: (draw) => rows(draw, 2),
});
describeLaws('Conv1D', conv1D, runner);

const convolution = moduleLaws({
  make(draw) {
    const [groups, kernel] = [draw.pick([1, 2]), draw.pick([[2], [1], [2, 1]])];
    const bias = draw.boolean() ? random(2) : null;
    return new Convolution(random(2, 2 / groups, ...kernel), bias, {
      groups,
      stride: draw.integer(1, 2),
      padding: draw.integer(0, 1),
      dilation: draw.integer(1, 2),
    });
  },
  input: (draw, { weight }) => [draw.integer(1, 2), 2, ...Array(baseOf(weight).rank - 2).fill(4)],
});
describeLaws('Convolution', convolution, runner);

const embedding = moduleLaws({
  make: () => Embedding.init({ numEmbeddings: 5, dimension: 2 }, key),
  input: (draw) => [draw.integer(1, 3), 4],
  indicesBelow: () => 5,
});
describeLaws('Embedding', embedding, runner);

const layerNorm = moduleLaws({
  make: () => new LayerNorm(random(3), random(3), 1e-5),
  input: (draw) => rows(draw, 3),
});
describeLaws('LayerNorm', layerNorm, runner);

const dropout = moduleLaws({
  make: (draw) => new Dropout(draw.pick([0, 0.3, 0.5])),
  input: (draw) => rows(draw, 4),
  isStochastic: ({ rate }) => rate > 0,
});
describeLaws('Dropout', dropout, runner);

const activations = ['gelu', 'gelu_new', 'silu', 'tanh', 'relu'];
const mlp = moduleLaws({
  make: (draw) =>
    MLP.init(
      { inFeatures: 2, hiddenFeatures: 3, outFeatures: 2, activation: draw.pick(activations) },
      key,
    ),
  input: (draw) => rows(draw, 2),
});
describeLaws('MLP', mlp, runner);

const activated = moduleLaws({
  make: (draw) => ({ call: activation(draw.pick(activations)) }),
  input: (draw) => rows(draw, 3),
});
describeLaws('an activation', activated, runner);

/** What a model makes of the function. */
class Attention {
  readonly query: Linear = new Linear(random(4, 4), random(4));
  readonly key: Linear = new Linear(random(4, 4), random(4));
  readonly value: Linear = new Linear(random(4, 4), random(4));
  readonly heads: number;
  readonly causal: boolean;
  readonly dropout: number;

  constructor(draw: Draw) {
    this.heads = draw.pick([1, 2]);
    this.causal = draw.boolean();
    this.dropout = draw.pick([0, 0.5]);
  }

  call(x: Tensor, context: Context): Tensor {
    const [query, key, value] = [
      this.query.call(x, context.child('query')),
      this.key.call(x, context.child('key')),
      this.value.call(x, context.child('value')),
    ];
    return multiHeadAttention({ query, key, value }, this, context.child('dropout'));
  }
}

const attention = moduleLaws({
  make: (draw) => new Attention(draw),
  input: (draw) => [draw.integer(1, 2), draw.integer(2, 3), 4],
  isStochastic: (module) => module.dropout > 0,
});
describeLaws('multiHeadAttention', attention, runner);
