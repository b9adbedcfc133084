import { kaimingUniform } from '@lorikeet/nn';
import {
  add,
  dot,
  pad,
  reshape,
  sliceAxis,
  sum,
  swapAxes,
  tile,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface MissConfig {
  /** Rows R of the shared block. */
  readonly rank: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Starts as the base; else the block is random. */
  readonly initWeights: boolean;
}

export type MissOptions = Partial<MissConfig> & TargetOptions;

export const missVariant: Variant<MissConfig> = {
  name: 'miss',
  paper: 'Kang and Yin 2024, https://arxiv.org/abs/2409.15371',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(64), 'r'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'miss_dropout'),
    initWeights: peftField(z.literal([true, false]).default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: ({ rank }, { out }) => rank * out,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 2),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'MISS',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      layers_pattern: null,
      layers_to_transform: null,
      mini_r: 1,
    },
    keys: () => ({ block: 'miss_block' }),
  },

  init: ({ shape: { out }, config: { rank: R, initWeights }, key }) => ({
    block: initWeights ? zeros([R, out]) : kaimingUniform()(key, [R, out]),
  }),

  materialize({ base, shape, config: { rank: R }, parameters }) {
    const rows = tile(parameterOf(parameters, 'block'), [Math.ceil(shape.in / R), 1]);
    return add(base(), swapAxes(sliceAxis(rows, 0, 0, shape.in))); // [out, in]
  },

  contract(x, { shape, config: { rank: R, dropout }, parameters, product, context }) {
    const groups = Math.ceil(shape.in / R);
    const dropped = context.dropout(x, dropout);
    const high = x.shape.map((_, axis) => (axis === x.rank - 1 ? groups * R - shape.in : 0));
    const grouped = reshape(pad(dropped, { high }), [...x.shape.slice(0, -1), groups, R]);
    const low = sum(grouped, -2); // [..., R]
    const block = parameterOf(parameters, 'block');
    return add(product(x), dot(low, block, { contract: [[-1], [0]] })); // [..., out]
  },
};

/** Matrix shard sharing: the weight plus one block of R rows of inputs, repeated along the inputs. */
export function miss(options: MissOptions = {}): Method<MissConfig> {
  return method(missVariant, options);
}
