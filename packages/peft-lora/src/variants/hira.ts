import { kaimingUniform } from '@lorikeet/nn';
import {
  add,
  dot,
  foldIn,
  gather,
  mul,
  normal,
  reshape,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { shapesOf } from '../lora/loraFactors.ts';
import { parameterOf } from '../parameterOf.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface HiraConfig {
  /** Rank R of the factor of the weight. */
  readonly rank: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Starts as the base, with a uniform A or a normal one; else both are random. Of a table A is zero, and B random. */
  readonly initWeights: boolean | 'gaussian';
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
    initWeights: peftField(z.literal([true, false, 'gaussian']).default(true), 'init_weights'),
    rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
  }),
  kinds: ['linear', 'embedding', 'conv'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights !== false,
    maxRank: () => undefined,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: ({ rank: R }, shape) =>
      R * (shape.kernel.reduce((product, side) => product * side, shape.in) + shape.out),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.pick([true, false, 'gaussian'] as const),
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
    keys: (kind) =>
      kind === 'embedding'
        ? { A: 'hira_embedding_A', B: 'hira_embedding_B' }
        : { A: 'hira_A', B: 'hira_B' },
  },

  refusal: (_config, { groups }) =>
    groups === 1
      ? undefined
      : `a convolution with ${groups} groups has no one product for its kernel`,

  configAt: (config, path) => ({
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
  }),

  init({ shape, config: { rank: R, initWeights }, key }) {
    const { a, b } = shapesOf(shape, R);
    const [keyA, keyB] = [foldIn(key, 'A'), foldIn(key, 'B')];
    if (initWeights === false) return { A: normal(keyA, a), B: normal(keyB, b) };
    if (shape.kind === 'embedding') return { A: zeros(a), B: normal(keyB, b) };
    const A = initWeights === true ? kaimingUniform()(keyA, a) : normal(keyA, a, 0, 1 / R);
    return { A, B: zeros(b) };
  },

  materialize: (args) => mul(args.base(), add(factorOf(args), 1)),

  contract(x, args) {
    const input = args.context.dropout(x, args.config.dropout);
    const update = mul(args.base(), factorOf(args)); // [out, in]
    return add(args.product(x), dot(input, update, { contract: [[-1], [1]] })); // [..., out]
  },

  gather(ids, { parameters, product }) {
    const low = gather(parameterOf(parameters, 'A'), ids, 1); // [R, ...ids]
    const factor = dot(low, parameterOf(parameters, 'B'), { contract: [[0], [1]] }); // [...ids, width]
    return mul(product(ids), add(factor, 1));
  },

  convolve(x, args) {
    const input = args.context.dropout(x, args.config.dropout);
    return add(args.product(x), args.convolveWith(input, mul(args.base(), factorOf(args))));
  },
};

/** High-rank adaptation: the weight times `1 + B A`, elementwise. */
export function hira(options: HiraOptions = {}): Method<HiraConfig> {
  return method(hiraVariant, options);
}

/** B A, [out, in] or [O, C, ...kernel]; its transpose for a table of rows. */
function factorOf({
  shape,
  parameters,
}: Pick<AdapterArguments<HiraConfig>, 'shape' | 'parameters'>): Tensor {
  const [A, B] = [parameterOf(parameters, 'A'), parameterOf(parameters, 'B')];
  return shape.kind === 'embedding'
    ? dot(A, B, { contract: [[0], [1]] })
    : dot(reshape(B, [shape.out, -1]), A, { contract: [[1], [0]] });
}
