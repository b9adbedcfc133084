import { add, dot, mul, reshape } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { LowRank } from '../algebra/lowRank.ts';
import { sharedProjections } from '../sharedProjections.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';
import { firstScales, sampleVeraFields, type VeraFields, veraParts } from '../veraParts.ts';

export type VeraConfig = VeraFields;

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
  sample: sampleVeraFields,
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

  init: (args) => firstScales(args, args.config.rank),

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
    const { A, B, lambdaB, lambdaD } = veraParts(args);
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
  const { A, B, lambdaB, lambdaD } = veraParts(args);
  return { left: mul(mul(B, lambdaD), reshape(lambdaB, [-1, 1])), right: A, scale: 1 };
}
