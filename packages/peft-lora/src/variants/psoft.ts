import {
  add,
  cast,
  dot,
  expandDims,
  eye,
  foldIn,
  full,
  leadingSvd,
  mul,
  neg,
  normal,
  promote,
  randomizedSvd,
  randomKey,
  reshape,
  type Svd,
  sqrt,
  sub,
  swapAxes,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { cayley, cayleyNeumann, skewMatrices } from '../orthogonal/cayley.ts';
import { withinBall } from '../orthogonal/withinBall.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type ThinFactors, thinForms } from '../thinForms.ts';
import {
  type AdapterArguments,
  type FrozenArguments,
  type Method,
  method,
  peftField,
  type Tensors,
  type Variant,
} from '../variant.ts';

export interface PsoftConfig {
  /** Rank R: the leading singular vectors of the weight, among which inputs are turned. */
  readonly rank: number;
  /** The update is scaled by alpha / R, and B divided by it, so that it does not show. */
  readonly alpha: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Whether B has the singular values alone, so that angles are kept, or each of A and B their roots, as PiSSA. */
  readonly abSvdInit: 'psoft_init' | 'pissa_init';
  /** How singular vectors are found: exactly, or by power iterations from a random sketch. */
  readonly svd: 'full' | 'lowrank';
  /** Of `lowrank`. */
  readonly svdIterations: number;
  /** Of the sketch of `lowrank`. */
  readonly randomSeed: number;
  /** Whether the turn between A and B is orthogonal; else any matrix. */
  readonly orthogonal: boolean;
  /** Trains a scale of each of the R features after the turn. */
  readonly magnitudeB: boolean;
  /** Trains a scale of each of them before it. */
  readonly magnitudeA: boolean;
  /** Approximates the Cayley transform by a sum of powers; else it is exact. */
  readonly useCayleyNeumann: boolean;
  /** Terms of the sum. */
  readonly neumannTerms: number;
  /** Keeps the norm of the skew-symmetric matrix in the sum within this, where it converges. */
  readonly neumannEpsilon: number | null;
  /** Starts as the base; else from a random turn. */
  readonly initWeights: boolean;
}

export type PsoftOptions = Partial<PsoftConfig> & TargetOptions;

const count = z.int().positive();

export const psoftVariant: Variant<PsoftConfig> = {
  name: 'psoft',
  paper: 'Wu et al. 2025, https://arxiv.org/abs/2505.11235',
  schema: z
    .strictObject({
      rank: peftField(count.default(32), 'r'),
      alpha: peftField(z.number().positive().default(32), 'psoft_alpha'),
      dropout: peftField(z.number().min(0).lt(1).default(0), 'psoft_dropout'),
      abSvdInit: peftField(
        z.enum(['psoft_init', 'pissa_init']).default('psoft_init'),
        'ab_svd_init',
      ),
      svd: peftField(z.enum(['full', 'lowrank']).default('full'), 'psoft_svd'),
      svdIterations: peftField(z.int().min(0).default(10), 'psoft_svd_lowrank_niter'),
      randomSeed: peftField(z.int().min(0).default(0), 'random_seed'),
      orthogonal: peftField(z.boolean().default(true), 'psoft_orth'),
      magnitudeB: peftField(z.boolean().default(true), 'psoft_mag_b'),
      magnitudeA: peftField(z.boolean().default(true), 'psoft_mag_a'),
      useCayleyNeumann: peftField(z.boolean().default(false), 'use_cayley_neumann'),
      neumannTerms: peftField(count.default(5), 'num_cayley_neumann_terms'),
      neumannEpsilon: peftField(z.number().nullable().default(null), 'cayley_neumann_eps'),
      initWeights: peftField(z.boolean().default(true), 'init_weights'),
    })
    .refine(
      ({ useCayleyNeumann, neumannEpsilon: epsilon }) =>
        !useCayleyNeumann || epsilon === null || (epsilon > 0 && epsilon < 1),
      { error: 'a number between 0 and 1', path: ['neumannEpsilon'] },
    ),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: ({ dropout }) => dropout > 0,
    keepsAngles: (config) =>
      config.abSvdInit === 'psoft_init' &&
      config.svd === 'full' &&
      config.orthogonal &&
      !config.useCayleyNeumann &&
      !config.magnitudeA &&
      !config.magnitudeB,
    parameterCount: ({ rank: R, orthogonal, magnitudeA, magnitudeB }) =>
      (orthogonal ? (R * (R - 1)) / 2 : R * R) + (magnitudeA ? R : 0) + (magnitudeB ? R : 0),
  },
  sample(draw) {
    const rank = draw.integer(2, 3);
    return {
      rank,
      alpha: draw.pick([0.5, 3, 5]),
      dropout: draw.pick([0, 0.5]),
      abSvdInit: draw.pick(['psoft_init', 'pissa_init']),
      svd: draw.pick(['full', 'lowrank']),
      svdIterations: draw.integer(0, 2),
      randomSeed: draw.integer(0, 5),
      orthogonal: draw.pick([true, true, false]),
      magnitudeB: draw.boolean(),
      magnitudeA: draw.boolean(),
      useCayleyNeumann: draw.boolean(),
      neumannTerms: draw.integer(2, 6),
      // Outside the ball a single angle is at its end, where no gradient reaches it.
      neumannEpsilon: rank === 2 ? null : draw.pick([null, 0.2, 0.5]),
      initWeights: draw.boolean(),
    };
  },
  sides: [2, 3, 4],
  refusal: ({ rank: R }, shape) =>
    R <= Math.min(shape.in, shape.out)
      ? undefined
      : `a weight of ${shape.out} by ${shape.in} has no ${R} singular vectors`,
  peft: {
    type: 'PSOFT',
    inactive: {
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({
      turn: 'psoft_R.weight',
      scaleA: 'psoft_R.vector_a',
      scaleB: 'psoft_R.vector_b',
      A: 'psoft_A',
      B: 'psoft_B',
    }),
  },

  init({ config: { rank: R, orthogonal, magnitudeA, magnitudeB, initWeights }, key }) {
    const sides = orthogonal ? [(R * (R - 1)) / 2] : [R, R];
    const start = orthogonal ? zeros(sides) : eye(R);
    return {
      turn: initWeights ? start : add(start, normal(foldIn(key, 'turn'), sides, 0, 0.1)),
      ...(magnitudeA ? { scaleA: full([R], 1) } : {}),
      ...(magnitudeB ? { scaleB: full([R], 1) } : {}),
    };
  },

  frozen: basesOf,

  ...thinForms(factorsOf, ({ dropout }) => dropout),
};

/**
 * Orthogonal fine-tuning in the principal subspace: the weight plus `alpha / R` times `B (T - I) A`, where A and B are the
 * leading singular vectors of the weight, B with the singular values, and T turns and scales the R features between them.
 *
 * PEFT's files hold T alone, and it finds A and B again when it loads one. The signs of singular vectors, which matter
 * here, are up to the library that finds them; so files hold A and B too, and those that lack them are refused. For use
 * in PEFT, `convertToLora` first.
 */
export function psoft(options: PsoftOptions = {}): Method<PsoftConfig> {
  return method(psoftVariant, options);
}

/** What does not train. A: [R, in]; B: [out, R]. */
function basesOf({ base, config }: FrozenArguments<PsoftConfig>): Tensors {
  const { rank: R, alpha, abSvdInit } = config;
  const weight = base();
  const { u, s, v } = decompose(cast(weight, promote(weight.dtype, 'f32')), config);
  const values = mul(s, R / alpha); // [R]
  if (abSvdInit === 'psoft_init') return { A: swapAxes(v), B: mul(u, values) };
  const roots = sqrt(values);
  return { A: swapAxes(mul(v, roots)), B: mul(u, roots) };
}

function decompose(
  weight: Tensor,
  { rank, svd: how, svdIterations, randomSeed }: PsoftConfig,
): Svd {
  if (how === 'full') return leadingSvd(weight, rank);
  const key = randomKey(randomSeed);
  return randomizedSvd(weight, rank, { key, oversample: 0, iterations: svdIterations });
}

/** A: [R, in]; B: [out, R], with the turn and all scales. */
function factorsOf({
  config,
  parameters,
  frozen,
}: Pick<AdapterArguments<PsoftConfig>, 'config' | 'parameters' | 'frozen'>): ThinFactors {
  const { rank: R, alpha } = config;
  const turn = turnOf(parameters, config);
  const change = sub(turn, eye(R, R, { dtype: turn.dtype })); // [R, R]
  const B = mul(dot(parameterOf(frozen, 'B'), change, { contract: [[1], [0]] }), alpha / R);
  return { A: parameterOf(frozen, 'A'), B };
}

/** [R, R]: from the features of A, its columns, to those of B. */
function turnOf(parameters: Tensors, config: PsoftConfig): Tensor {
  const { scaleA, scaleB } = parameters;
  const turn = config.orthogonal
    ? rotationOf(parameterOf(parameters, 'turn'), config)
    : parameterOf(parameters, 'turn');
  const scaled = scaleB === undefined ? turn : mul(turn, expandDims(scaleB, 1));
  return scaleA === undefined ? scaled : mul(scaled, scaleA);
}

function rotationOf(
  packed: Tensor,
  { rank: R, useCayleyNeumann, neumannTerms, neumannEpsilon }: PsoftConfig,
): Tensor {
  // One feature alone is not turned, nor is anything by the first term of the series.
  if (R === 1 || (useCayleyNeumann && neumannTerms === 1))
    return eye(R, R, { dtype: packed.dtype });
  const row = reshape(packed, [1, -1]);
  const isBound = useCayleyNeumann && neumannEpsilon !== null;
  const skew = skewMatrices(isBound ? withinBall(row, neumannEpsilon) : row, R);
  const rotation = useCayleyNeumann ? cayleyNeumann(skew, neumannTerms) : cayley(neg(skew));
  return reshape(rotation, [R, R]);
}
