import { describeLaws, moduleLaws } from '@lorikeet/laws';
import {
  alibiBias,
  applyRotary,
  BatchNorm,
  type Context,
  Conv1d,
  Conv2d,
  GatedMLP,
  GroupNorm,
  Linear,
  multiHeadAttention,
  RelativePositionBias,
  RMSNorm,
  rotaryFrequencies,
  rotation,
} from '@lorikeet/nn';
import {
  add,
  arange,
  type Draw,
  normal,
  randomKey,
  type Tensor,
  tensor,
  uniform,
} from '@lorikeet/tensor-core';
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
/** Batch and channels, with or without axes behind them. */
const channels = (draw: Draw, count: number): number[] => [
  draw.integer(1, 3),
  count,
  ...draw.pick([[], [3], [2, 2]]),
];

const geometry = (draw: Draw) => ({
  inChannels: 2,
  outChannels: 2,
  bias: draw.boolean(),
  groups: draw.pick([1, 2]),
  stride: draw.integer(1, 2),
  padding: draw.integer(0, 1),
});

const conv1d = moduleLaws({
  make: (draw) => Conv1d.init({ ...geometry(draw), kernelSize: draw.integer(1, 3) }, key),
  input: (draw) => [draw.integer(1, 2), 2, 4],
});
describeLaws('Conv1d', conv1d, runner);

const conv2d = moduleLaws({
  make: (draw) => Conv2d.init({ ...geometry(draw), kernelSize: draw.pick([2, [1, 2]]) }, key),
  input: (draw) => [draw.integer(1, 2), 2, 3, 3],
});
describeLaws('Conv2d', conv2d, runner);

const rmsNorm = moduleLaws({
  make: () => new RMSNorm(random(3), 1e-5),
  input: (draw) => rows(draw, 3),
});
describeLaws('RMSNorm', rmsNorm, runner);

const groupNorm = moduleLaws({
  make: (draw) => new GroupNorm(random(4), random(4), draw.pick([1, 2]), 0.1),
  input: (draw) => channels(draw, 4),
});
describeLaws('GroupNorm', groupNorm, runner);

const batchNorm = moduleLaws({
  make: () =>
    new BatchNorm(
      { weight: random(2), bias: random(2) },
      { mean: random(2), variance: uniform(randomKey(seed++), [2], 0.5, 2) },
      { epsilon: 0.1 },
    ),
  input: (draw) => channels(draw, 2),
  isStochastic: () => true, // it draws nothing, but is another function in training
});
describeLaws('BatchNorm', batchNorm, runner);

const gatedMlp = moduleLaws({
  make: (draw) =>
    GatedMLP.init(
      {
        features: 2,
        hiddenFeatures: 3,
        activation: draw.pick(['silu', 'gelu']),
        bias: draw.boolean(),
      },
      key,
    ),
  input: (draw) => rows(draw, 2),
});
describeLaws('GatedMLP', gatedMlp, runner);

const rotary = moduleLaws({
  make(draw) {
    const frequencies = rotaryFrequencies({ dimension: draw.pick([2, 4]), theta: 10 });
    const pairs = draw.pick(['half', 'interleaved'] as const);
    const start = draw.integer(0, 5);
    return {
      call: (x: Tensor) =>
        applyRotary(x, rotation(add(arange(x.shape[2] ?? 0), start), frequencies), pairs),
    };
  },
  input: (draw) => [draw.integer(1, 2), 2, draw.integer(1, 3), 4],
});
describeLaws('rotary positions', rotary, runner);

/** Attention with grouped heads, a window and a bias by distance. */
class Attention {
  readonly query: Linear = new Linear(random(4, 4), null);
  readonly key: Linear = new Linear(random(2, 4), null);
  readonly relative_attention_bias: RelativePositionBias;
  readonly hasSlopes: boolean;
  readonly window: number;

  constructor(draw: Draw) {
    const options = { buckets: 4, heads: 2, maxDistance: 4, bidirectional: draw.boolean() };
    this.relative_attention_bias = RelativePositionBias.init(options, randomKey(seed++));
    this.hasSlopes = draw.boolean();
    this.window = draw.integer(1, 3);
  }

  call(x: Tensor, context: Context): Tensor {
    const [query, shared] = [
      this.query.call(x, context.child('query')),
      this.key.call(x, context.child('key')),
    ];
    const time = x.shape[1] ?? 0;
    const learned = this.relative_attention_bias.call(time, time, undefined, context.child('bias'));
    const fixed = this.hasSlopes ? alibiBias(2, time, time) : tensor(0);
    return multiHeadAttention(
      { query, key: shared, value: shared, bias: add(learned, fixed) },
      { heads: 2, keyValueHeads: 1, dropout: 0, window: this.window },
      context,
    );
  }
}

const attention = moduleLaws({
  make: (draw) => new Attention(draw),
  input: (draw) => [draw.integer(1, 2), draw.integer(2, 3), 4],
});
describeLaws('attention by distance', attention, runner);
