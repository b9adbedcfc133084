import { describeLaws, LawViolation, moduleLaws } from '@lorikeet/laws';
import { type Context, Conv1D, Convolution, Embedding, LayerNorm, Linear, MLP } from '@lorikeet/nn';
import {
  type Draw,
  full,
  mean,
  mul,
  normal,
  randomKey,
  stopGradient,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const rows = (draw: Draw, width: number): number[] => [
  draw.integer(1, 3),
  ...(draw.boolean() ? [2] : []),
  width,
];
const key = randomKey(4);

describeLaws(
  'Linear',
  moduleLaws({
    make: (draw) =>
      Linear.init({ inFeatures: 3, outFeatures: draw.integer(1, 3), bias: draw.boolean() }, key),
    input: (draw) => rows(draw, 3),
  }),
  { describe, test },
);
describeLaws(
  'Conv1D',
  moduleLaws({
    make: (draw) => Conv1D.init({ inFeatures: 2, outFeatures: draw.integer(1, 3) }, key),
    input: (draw) => rows(draw, 2),
  }),
  { describe, test },
);
describeLaws(
  'LayerNorm',
  moduleLaws({ make: () => LayerNorm.init(3, 1e-5), input: (draw) => rows(draw, 3) }),
  { describe, test },
);
describeLaws(
  'MLP',
  moduleLaws({
    make: (draw) =>
      MLP.init(
        {
          inFeatures: 2,
          hiddenFeatures: 3,
          outFeatures: 2,
          activation: draw.pick(['gelu', 'silu', 'tanh']),
        },
        key,
      ),
    input: (draw) => rows(draw, 2),
  }),
  { describe, test },
);
describeLaws(
  'Convolution',
  moduleLaws({
    make: (draw) =>
      new Convolution(normal(key, [2, 2, 2]), full([2], 0.3), {
        stride: draw.integer(1, 2),
        padding: draw.integer(0, 1),
      }),
    input: (draw) => [draw.integer(1, 2), 2, 4],
  }),
  { describe, test },
);
describeLaws(
  'Embedding',
  moduleLaws({
    make: () => Embedding.init({ numEmbeddings: 5, dimension: 2 }, key),
    input: (draw) => [draw.integer(1, 3), 4],
    indicesBelow: () => 5,
  }),
  { describe, test },
);

const linear = Linear.init({ inFeatures: 3, outFeatures: 2 }, key);
let calls = 0;
const mutants: readonly (readonly [
  mistake: string,
  call: (x: Tensor, context: Context) => Tensor,
  killer: string,
])[] = [
  [
    'an output that grows with every call',
    (x, context) => mul(linear.call(x, context), ++calls),
    'gives the same output again, and is not changed by it',
  ],
  [
    'an output that depends on the time of tracing',
    (x, context) => mul(linear.call(x, context), ++calls),
    'gives the same output compiled',
  ],
  [
    'randomness without a key',
    (x, context) => mul(linear.call(x, context), ++calls),
    'gives the same output in training for the same key',
  ],
  [
    'a mean over the batch',
    (x, context) =>
      sub(linear.call(x, context), mean(linear.call(x, context), 0, { keepAxes: true })),
    'gives for a batch what it gives for its rows',
  ],
];

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, call, killer) => {
    const laws = moduleLaws({ make: () => ({ call }), input: () => [3, 3] });
    await expect(laws.find(({ name }) => name === killer)?.check({ runs: 5 })).rejects.toThrow(
      LawViolation,
    );
  });

  test('a gradient that is held back', async () => {
    class Blocked {
      readonly weight = full([3], 0.5);
      call(x: Tensor): Tensor {
        return mul(x, stopGradient(this.weight));
      }
    }
    const law = moduleLaws({ make: () => new Blocked(), input: () => [2, 3] }).find(({ name }) =>
      name.startsWith('has gradients'),
    );
    await expect(law?.check({ runs: 5 })).rejects.toThrow(LawViolation);
  });
});
