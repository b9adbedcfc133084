import {
  add,
  dot,
  exp,
  foldIn,
  mul,
  normal,
  reshape,
  sliceAxis,
  type Tensor,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { LowRank } from '../algebra/lowRank.ts';
import { sharedProjections } from '../sharedProjections.ts';
import type { TargetOptions } from '../target.ts';
import {
  type AdapterArguments,
  type Method,
  method,
  type ProductArguments,
  peftField,
  type Variant,
} from '../variant.ts';
import { firstScales, sampleVeraFields, type VeraFields, veraParts } from '../veraParts.ts';

export interface PveraConfig extends VeraFields {
  /** Makes other numbers of the key of a step of training, so that they are apart from those of another adapter. */
  readonly generatorSeed: number | null;
}

export type PveraOptions = Partial<PveraConfig> & TargetOptions;

export const pveraVariant: Variant<PveraConfig> = {
  name: 'pvera',
  paper: 'Fillioux et al. 2025, https://arxiv.org/abs/2512.07703',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(256), 'r'),
    projectionSeed: peftField(z.int().min(0).default(0), 'projection_prng_key'),
    saveProjection: peftField(z.boolean().default(true), 'save_projection'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'pvera_dropout'),
    dInitial: peftField(z.number().default(0.1), 'd_initial'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    generatorSeed: peftField(z.int().min(0).nullable().default(null), 'generator_seed'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => true,
    parameterCount: ({ rank }, { out }) => 2 * rank + out,
  },
  sample: (draw) => ({
    ...sampleVeraFields(draw),
    generatorSeed: draw.pick([null, 1, 2]),
  }),
  peft: {
    type: 'PVERA',
    inactive: {
      bias: 'none',
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
      sample_at_inference: false,
    },
    keys: () => ({ lambdaB: 'pvera_lambda_b', lambdaD: 'pvera_lambda_d' }),
    sharedKeys: ({ saveProjection }) => (saveProjection ? { A: 'pvera_A', B: 'pvera_B' } : {}),
  },

  // Means, and logarithms of variances.
  init: (args) => firstScales(args, 2 * args.config.rank),

  share(places) {
    const config = places[0]?.config;
    if (config === undefined) return [];
    const { rank: R, projectionSeed: seed } = config;
    const shared = sharedProjections(places, { rows: 2 * R, columns: R, seed });
    return places.map(() => shared);
  },

  materialize(args) {
    const { left, right } = meanPair(args);
    return add(args.base(), dot(left, right, { contract: [[1], [0]] })); // [out, in]
  },

  contract(x, args) {
    const { A, B, lambdaB, lambdaD } = veraParts(args);
    const input = args.context.dropout(x, args.config.dropout);
    const features = mul(dot(input, A, { contract: [[-1], [1]] }), lambdaD); // [..., 2 R]
    const drawn = drawnFeatures(features, args); // [..., R]
    return add(args.product(x), mul(dot(drawn, B, { contract: [[-1], [1]] }), lambdaB)); // [..., out]
  },

  lowRank: meanPair,
};

/**
 * Probabilistic VeRA: `diag(lambdaB) B diag(lambdaD) A` beside the weight, of random projections that all places share,
 * where twice R features come out of A: means, and logarithms of variances. Training draws R features from them; otherwise
 * they are their means.
 */
export function pvera(options: PveraOptions = {}): Method<PveraConfig> {
  return method(pveraVariant, options);
}

/** Features around their means in training, the means in evaluation: of [..., 2 R], [..., R]. */
function drawnFeatures(
  features: Tensor,
  { config: { rank: R, generatorSeed }, context: { key } }: ProductArguments<PveraConfig>,
): Tensor {
  const means = sliceAxis(features, -1, 0, R);
  if (key === undefined) return means;
  const logVariances = sliceAxis(features, -1, R, R);
  const own = foldIn(foldIn(key, 'features'), generatorSeed ?? 'none');
  return add(means, mul(normal(own, means.shape), exp(mul(logVariances, 0.5))));
}

type Arguments = Pick<AdapterArguments<PveraConfig>, 'config' | 'shape' | 'frozen' | 'parameters'>;

/** The update that goes by the means. */
function meanPair(args: Arguments): LowRank {
  const { rank: R } = args.config;
  const { A, B, lambdaB, lambdaD } = veraParts(args);
  const left = mul(mul(B, sliceAxis(lambdaD, 0, 0, R)), reshape(lambdaB, [-1, 1])); // [out, R]
  return { left, right: sliceAxis(A, 0, 0, R), scale: 1 };
}
