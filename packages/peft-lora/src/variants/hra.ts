import { kaimingUniform } from '@lorikeet/nn';
import { repeat, reshape, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { rotatedSide } from '../orthogonal/blockLayout.ts';
import {
  orthonormalColumns,
  reflect,
  reflectBack,
  reflectSubspace,
  unitColumns,
} from '../orthogonal/reflections.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface HraConfig {
  /** Number R of reflections. */
  readonly rank: number;
  /** Makes the vectors orthonormal by Gram and Schmidt, so that the reflections commute. Never the base at first. */
  readonly applyGS: boolean;
  /** Starts as the base, by pairs of equal vectors, if R is even; else all vectors are random. */
  readonly initWeights: boolean;
}

export type HraOptions = Partial<HraConfig> & TargetOptions;

export const hraVariant: Variant<HraConfig> = {
  name: 'hra',
  paper: 'Yuan et al. 2024, https://arxiv.org/abs/2405.17484',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(8), 'r'),
    applyGS: peftField(z.boolean().default(false), 'apply_GS'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear', 'conv'],
  traits: {
    identityAtInit: isPaired,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: () => true,
    isStochastic: () => false,
    keepsAngles: () => true,
    parameterCount: ({ rank }, shape) => rank * rotatedSide(shape),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 4),
    applyGS: draw.boolean(),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'HRA',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({ vectors: 'hra_u' }),
  },

  refusal({ rank, applyGS }, shape) {
    const features = rotatedSide(shape);
    if (features === 1) return 'one feature alone has no direction to reflect';
    return applyGS && rank > features
      ? `${features} features have no ${rank} orthogonal vectors`
      : undefined;
  },

  init({ shape, config, key }) {
    const { rank: R } = config;
    const features = rotatedSide(shape);
    const uniform = kaimingUniform();
    return {
      vectors: isPaired(config)
        ? repeat(uniform(key, [features, R / 2]), 2, 1)
        : uniform(key, [features, R]),
    };
  },

  materialize({ base, config, parameters }) {
    const weight = base();
    const rows = reshape(weight, [weight.shape[0] ?? 1, -1]); // [out, d]
    const vectors = parameterOf(parameters, 'vectors');
    const reflected = config.applyGS
      ? reflectSubspace(rows, orthonormalColumns(vectors, rows))
      : reflect(rows, unitColumns(vectors, rows));
    return reshape(reflected, weight.shape);
  },

  contract: (x, { product, config, parameters }) =>
    product(turned(x, config, parameterOf(parameters, 'vectors'))),
};

/** Householder reflection adaptation: the inputs of a weight are reflected at R hyperplanes before it. */
export function hra(options: HraOptions = {}): Method<HraConfig> {
  return method(hraVariant, options);
}

/** Each reflection comes twice, which undoes it. Orthonormal vectors cannot be pairs: PEFT divides 0 by 0 there. */
function isPaired({ rank, applyGS, initWeights }: HraConfig): boolean {
  return initWeights && rank % 2 === 0 && !applyGS;
}

/** [..., in] */
function turned(x: Tensor, { applyGS }: HraConfig, vectors: Tensor): Tensor {
  return applyGS
    ? reflectSubspace(x, orthonormalColumns(vectors, x))
    : reflectBack(x, unitColumns(vectors, x));
}
