import { kaimingUniform } from '@lorikeet/nn';
import {
  cast,
  div,
  expandDims,
  foldIn,
  full,
  maximum,
  mul,
  promote,
  sqrt,
  square,
  sum,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { type ThinFactors, thinForms } from '../thinForms.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface DeloraConfig {
  /** Rank R of the update. */
  readonly rank: number;
  /** First value of the strength: the largest that the update can be, as a share of the weight. It trains. */
  readonly lambda: number;
  /** Probability with which an element of the input of the update is dropped in training; PEFT's name says otherwise. */
  readonly moduleDropout: number;
  /** Starts as the base; else B is random too. */
  readonly initWeights: boolean;
  /** Other ranks for modules whose path ends in a match of the regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Other values of lambda, likewise. */
  readonly lambdaPattern: Readonly<Record<string, number>>;
}

export type DeloraOptions = Partial<DeloraConfig> & TargetOptions;

const rank = z.int().positive();

/** A row of A or column of B that is shorter has no direction, and is divided by this. */
const shortest = 1e-4;

export const deloraVariant: Variant<DeloraConfig> = {
  name: 'delora',
  paper: 'Bini et al. 2025, https://arxiv.org/abs/2503.18225',
  schema: z.strictObject({
    rank: peftField(rank.default(8), 'r', 'rankPattern'),
    lambda: peftField(z.number().default(15), 'delora_lambda', 'lambdaPattern'),
    moduleDropout: peftField(z.number().min(0).lt(1).default(0), 'module_dropout'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
    lambdaPattern: peftField(z.record(z.string(), z.number()).default({}), 'lambda_pattern'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: (config) => config.rank,
    isRandomAtInit: () => true,
    isStochastic: ({ moduleDropout }) => moduleDropout > 0,
    parameterCount: (config, shape) => config.rank * (shape.in + shape.out) + 1,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    lambda: draw.pick([0.5, 2, 15]),
    moduleDropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    lambdaPattern: draw.boolean() ? {} : { second: 5 },
  }),
  // One feature alone has one direction, which no training turns.
  sides: [2, 3, 4],
  peft: {
    type: 'DELORA',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({
      A: 'delora_A',
      B: 'delora_B',
      lambda: 'delora_lambda',
      norms: 'delora_w_norm',
    }),
  },

  configAt: (config, path) => ({
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
    lambda: valueForPath(config.lambdaPattern, path) ?? config.lambda,
  }),

  init({ shape, config, key }) {
    const { rank: R, lambda, initWeights } = config;
    const uniform = kaimingUniform();
    return {
      A: uniform(foldIn(key, 'A'), [R, shape.in]),
      B: initWeights ? zeros([shape.out, R]) : uniform(foldIn(key, 'B'), [shape.out, R]),
      lambda: full([1], lambda),
    };
  },

  frozen({ base }) {
    const weight = base();
    // Squares of half floats overflow.
    return { norms: sqrt(sum(square(cast(weight, promote(weight.dtype, 'f32'))), 0)) }; // [in]
  },

  ...thinForms(factorsOf, ({ moduleDropout }) => moduleDropout),
};

/**
 * Decoupled low-rank adaptation: the weight plus a sum of R products of a column and a row, of unit length both, times a
 * strength that trains; each input by the length that its column of the weight had at first.
 */
export function delora(options: DeloraOptions = {}): Method<DeloraConfig> {
  return method(deloraVariant, options);
}

/** A: [R, in], with all scales; B: [out, R]. */
function factorsOf({
  config,
  parameters,
  frozen,
}: Pick<AdapterArguments<DeloraConfig>, 'config' | 'parameters' | 'frozen'>): ThinFactors {
  const [A, B] = [parameterOf(parameters, 'A'), parameterOf(parameters, 'B')];
  const strength = div(parameterOf(parameters, 'lambda'), config.rank); // [1]
  const scale = div(strength, mul(lengthsOf(A, 1), lengthsOf(B, 0))); // [R]
  return { A: mul(mul(A, expandDims(scale, 1)), parameterOf(frozen, 'norms')), B };
}

/** Lengths along an axis, none below the shortest: their derivative is 0 there, where that of a root of 0 is none. */
function lengthsOf(matrix: Tensor, axis: number): Tensor {
  return sqrt(maximum(sum(square(matrix), axis), shortest ** 2));
}
