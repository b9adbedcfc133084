import {
  add,
  dot,
  full,
  mul,
  normal,
  ones,
  reshape,
  sliceAxis,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { LowRank } from '../algebra/lowRank.ts';
import { parameterOf } from '../parameterOf.ts';
import { sharedProjections } from '../sharedProjections.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface VeraConfig {
  /** Rank R of the projections. */
  readonly rank: number;
  /** Seed of the projections, which all places share: PyTorch's generator on a CPU, so that PEFT makes the same. */
  readonly projectionSeed: number;
  /** Whether files hold the projections; else they are made from the seed again. */
  readonly saveProjection: boolean;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** First value of the scales between the projections. */
  readonly dInitial: number;
  /** Starts as the base; else the scales after the projections are 1, and those between them random. */
  readonly initWeights: boolean;
}

export type VeraOptions = Partial<VeraConfig> & TargetOptions;

export const veraVariant: Variant<VeraConfig> = {
  name: 'vera',
  paper: 'Kopiczko et al. 2023, https://arxiv.org/abs/2310.11454',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(256), 'r'),
    projectionSeed: peftField(z.int().min(0).default(0), 'projection_prng_key'),
    saveProjection: peftField(z.boolean().default(true), 'save_projection'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'vera_dropout'),
    dInitial: peftField(z.number().default(0.1), 'd_initial'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: ({ rank }, { out }) => rank + out,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    projectionSeed: draw.integer(0, 3),
    saveProjection: draw.boolean(),
    dropout: draw.pick([0, 0.5]),
    dInitial: draw.pick([0.1, 0.5]),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'VERA',
    inactive: {
      bias: 'none',
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({ lambdaB: 'vera_lambda_b', lambdaD: 'vera_lambda_d' }),
    sharedKeys: ({ saveProjection }) => (saveProjection ? { A: 'vera_A', B: 'vera_B' } : {}),
  },

  init: ({ shape: { out }, config: { rank: R, dInitial, initWeights }, key }) => ({
    lambdaB: initWeights ? zeros([out]) : ones([out]),
    lambdaD: initWeights ? full([R], dInitial) : normal(key, [R]),
  }),

  share(places) {
    const config = places[0]?.config;
    if (config === undefined) return [];
    const { rank: R, projectionSeed: seed } = config;
    const shared = sharedProjections(places, { rows: R, columns: R, seed });
    return places.map(() => shared);
  },

  materialize(args) {
    const { left, right } = pairOf(args);
    return add(args.base(), dot(left, right, { contract: [[1], [0]] })); // [out, in]
  },

  contract(x, args) {
    const { A, B, lambdaB, lambdaD } = partsOf(args);
    const input = args.context.dropout(x, args.config.dropout);
    const low = mul(dot(input, A, { contract: [[-1], [1]] }), lambdaD); // [..., R]
    return add(args.product(x), mul(dot(low, B, { contract: [[-1], [1]] }), lambdaB)); // [..., out]
  },

  lowRank: pairOf,
};

/**
 * Vector-based random matrix adaptation: the weight plus `diag(lambdaB) B diag(lambdaD) A`, where only the scales train
 * and all places take their parts of one pair of random projections.
 */
export function vera(options: VeraOptions = {}): Method<VeraConfig> {
  return method(veraVariant, options);
}

type Arguments = Pick<AdapterArguments<VeraConfig>, 'shape' | 'frozen' | 'parameters'>;

function pairOf(args: Arguments): LowRank {
  const { A, B, lambdaB, lambdaD } = partsOf(args);
  return { left: mul(mul(B, lambdaD), reshape(lambdaB, [-1, 1])), right: A, scale: 1 };
}

function partsOf({ shape, frozen, parameters }: Arguments): {
  readonly A: Tensor;
  readonly B: Tensor;
  readonly lambdaB: Tensor;
  readonly lambdaD: Tensor;
} {
  return {
    A: sliceAxis(parameterOf(frozen, 'A'), 1, 0, shape.in), // [R, in]
    B: sliceAxis(parameterOf(frozen, 'B'), 0, 0, shape.out), // [out, R]
    lambdaB: parameterOf(parameters, 'lambdaB'), // [out]
    lambdaD: parameterOf(parameters, 'lambdaD'), // [R]
  };
}
