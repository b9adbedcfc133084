import { kaimingUniform } from '@lorikeet/nn';
import { add, dot, foldIn, mul, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface LohaConfig {
  /** Rank R of each of the two products. */
  readonly rank: number;
  /** The update is scaled by alpha / R. */
  readonly alpha: number;
  /** Starts as the base; else all four matrices are random. */
  readonly initWeights: boolean;
  /** Other ranks for modules whose path ends in a match of the regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Other values of alpha, likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

export type LohaOptions = Partial<LohaConfig> & TargetOptions;

const rank = z.int().positive();

export const lohaVariant: Variant<LohaConfig> = {
  name: 'loha',
  paper: 'Hyeon-Woo et al. 2021, https://arxiv.org/abs/2108.06098',
  schema: z.strictObject({
    rank: peftField(rank.default(8), 'r', 'rankPattern'),
    alpha: peftField(z.number().default(8), 'alpha', 'alphaPattern'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
    alphaPattern: peftField(z.record(z.string(), z.number()).default({}), 'alpha_pattern'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: (config) => config.rank * config.rank,
    isRandomAtInit: () => true,
    isStochastic: () => false,
    parameterCount: (config, shape) => 2 * config.rank * (shape.in + shape.out),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    initWeights: draw.boolean(),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
  }),
  peft: {
    type: 'LOHA',
    inactive: {
      exclude_modules: null,
      layers_pattern: null,
      layers_to_transform: null,
      module_dropout: 0,
      rank_dropout: 0,
      use_effective_conv2d: false,
    },
    keys: () => ({ w1A: 'hada_w1_a', w1B: 'hada_w1_b', w2A: 'hada_w2_a', w2B: 'hada_w2_b' }),
  },

  configAt: (config, path) => ({
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
    alpha: valueForPath(config.alphaPattern, path) ?? config.alpha,
  }),

  init({ shape, config: { rank: R, initWeights }, key }) {
    const uniform = kaimingUniform();
    const [tall, wide] = [
      [shape.out, R],
      [R, shape.in],
    ];
    return {
      w1A: uniform(foldIn(key, 'w1A'), tall),
      w1B: uniform(foldIn(key, 'w1B'), wide),
      w2A: uniform(foldIn(key, 'w2A'), tall),
      w2B: initWeights ? zeros(wide) : uniform(foldIn(key, 'w2B'), wide),
    };
  },

  materialize({ base, config, parameters }) {
    const [first, second] = ['w1', 'w2'].map((name) =>
      dot(parameterOf(parameters, `${name}A`), parameterOf(parameters, `${name}B`), {
        contract: [[1], [0]],
      }),
    ) as [ReturnType<typeof dot>, ReturnType<typeof dot>]; // [out, in]
    return add(base(), mul(mul(first, second), config.alpha / config.rank));
  },
};

/** Low-rank Hadamard product: the weight plus `alpha / R` times `(w1A w1B) * (w2A w2B)`, elementwise. */
export function loha(options: LohaOptions = {}): Method<LohaConfig> {
  return method(lohaVariant, options);
}
