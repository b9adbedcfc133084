import { kaimingUniform } from '@lorikeet/nn';
import { add, dot, foldIn, mul, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { type Method, method, peftField, type Tensors, type Variant } from '../variant.ts';

export interface HiraConfig {
  /** Rank R of the factor of the weight. */
  readonly rank: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Starts as the base; else B is random too. */
  readonly initWeights: boolean;
  /** Other ranks for modules whose path ends in a match of the regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
}

export type HiraOptions = Partial<HiraConfig> & TargetOptions;

const rank = z.int().positive();

export const hiraVariant: Variant<HiraConfig> = {
  name: 'hira',
  paper: 'Huang et al. 2025, https://openreview.net/forum?id=TwJrTz9cRS',
  schema: z.strictObject({
    rank: peftField(rank.default(32), 'r', 'rankPattern'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'hira_dropout'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, shape) => config.rank * (shape.in + shape.out),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
  }),
  peft: {
    type: 'HIRA',
    inactive: {
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({ A: 'hira_A', B: 'hira_B' }),
  },

  configAt: (config, path) => ({
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
  }),

  init({ shape, config: { rank: R, initWeights }, key }) {
    const uniform = kaimingUniform();
    return {
      A: uniform(foldIn(key, 'A'), [R, shape.in]),
      B: initWeights ? zeros([shape.out, R]) : uniform(foldIn(key, 'B'), [shape.out, R]),
    };
  },

  materialize({ base, parameters }) {
    return mul(base(), add(factorOf(parameters), 1));
  },

  contract(x, { base, config, parameters, product, context }) {
    const update = mul(base(), factorOf(parameters)); // [out, in]
    const input = context.dropout(x, config.dropout);
    return add(product(x), dot(input, update, { contract: [[-1], [1]] })); // [..., out]
  },
};

/** High-rank adaptation: the weight times `1 + B A`, elementwise. */
export function hira(options: HiraOptions = {}): Method<HiraConfig> {
  return method(hiraVariant, options);
}

/** B A: [out, in]. */
function factorOf(parameters: Tensors): Tensor {
  return dot(parameterOf(parameters, 'B'), parameterOf(parameters, 'A'), { contract: [[1], [0]] });
}
