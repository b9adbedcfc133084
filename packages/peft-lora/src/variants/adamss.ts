import { add, dot, foldIn, normal, sliceAxis, squeeze, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { allocateSubspaces, type SubspaceSchedule } from '../adamss/allocateSubspaces.ts';
import { divided } from '../adamss/divided.ts';
import { type Division, pairsOf } from '../adamss/division.ts';
import { subspaceFactors } from '../adamss/subspaceFactors.ts';
import { type DivisionConfig, sidesOf } from '../adamss/subspaces.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { thinForms } from '../thinForms.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface AdamssConfig extends DivisionConfig, SubspaceSchedule {
  /** Singular vectors of the weight that the update is made of; as many as it has, if these are fewer. */
  readonly rank: number;
  /** Into how many subspaces the outputs are divided. */
  readonly numSubspaces: number;
  /** Features of each subspace; no more than it has outputs. */
  readonly subspaceRank: number;
  /** Starts as the base; else, with `null`, B is random. */
  readonly initWeights: 'orthogonal' | null;
  /** Fewer and fewer subspaces train, those that matter most: train with `adapterOptimizer`. */
  readonly useAsa: boolean;
  /** Subspaces of all places together that train in the end. */
  readonly asaTargetSubspaces: number;
  /** Steps before the allocation begins. */
  readonly initWarmup: number;
  /** The step with which it ends. */
  readonly finalWarmup: number;
  /** Steps from one choice of subspaces to the next. */
  readonly maskInterval: number;
  /** Decay of the mean of importance. */
  readonly asaImportanceBeta: number;
  /** Decay of the mean of its uncertainty. */
  readonly asaUncertaintyBeta: number;
  /** How fast subspaces stop to train: 1 is evenly, more is sooner. */
  readonly asaScheduleExponent: number;
  /** Gives a subspace only so many features as have a singular value that counts. */
  readonly useDynamicRank: boolean;
  /** Which part of the largest one that is, of the Gram matrix. */
  readonly svdThreshold: number;
  /** Of the sketch by which singular vectors are found: PyTorch's generator on a CPU. */
  readonly randomSeed: number;
  /** No option: how a place was divided, as `settle` has found it. */
  readonly division?: Division;
}

export type AdamssOptions = Partial<Omit<AdamssConfig, 'division'>> & TargetOptions;

const count = z.int().positive();
const decay = z.number().min(0).lt(1).default(0.85);

export const adamssVariant: Variant<AdamssConfig> = {
  name: 'adamss',
  paper: 'AdaMSS 2025, https://neurips.cc/virtual/2025/loc/san-diego/poster/119606',
  schema: z
    .strictObject({
      rank: peftField(count.default(100), 'r'),
      numSubspaces: peftField(count.default(5), 'num_subspaces'),
      subspaceRank: peftField(count.default(1), 'subspace_rank'),
      initWeights: peftField(z.literal(['orthogonal', null]).default('orthogonal'), 'init_weights'),
      useAsa: peftField(z.boolean().default(false), 'use_asa'),
      asaTargetSubspaces: peftField(z.int().default(50), 'asa_target_subspaces'),
      initWarmup: peftField(z.int().min(0).default(50), 'init_warmup'),
      finalWarmup: peftField(z.int().default(1000), 'final_warmup'),
      maskInterval: peftField(z.int().default(100), 'mask_interval'),
      asaImportanceBeta: peftField(decay, 'asa_importance_beta'),
      asaUncertaintyBeta: peftField(decay, 'asa_uncertainty_beta'),
      asaScheduleExponent: peftField(z.number().default(3), 'asa_schedule_exponent'),
      useDynamicRank: peftField(z.boolean().default(false), 'use_dynamic_rank'),
      svdThreshold: peftField(z.number().default(0.1), 'svd_threshold'),
      randomSeed: peftField(z.int().min(0).default(0), 'random_seed'),
    })
    .refine(({ useAsa, initWarmup, finalWarmup }) => !useAsa || initWarmup < finalWarmup, {
      path: ['finalWarmup'],
      error: 'not after initWarmup',
    })
    .refine(({ useAsa, maskInterval }) => !useAsa || maskInterval > 0, {
      path: ['maskInterval'],
      error: 'not positive',
    })
    .refine(({ useAsa, asaTargetSubspaces }) => !useAsa || asaTargetSubspaces > 0, {
      path: ['asaTargetSubspaces'],
      error: 'not positive',
    })
    .refine(({ useAsa, asaScheduleExponent }) => !useAsa || asaScheduleExponent > 0, {
      path: ['asaScheduleExponent'],
      error: 'not positive',
    }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights !== null,
    maxRank: ({ numSubspaces, subspaceRank }) => numSubspaces * subspaceRank,
    isRandomAtInit: ({ initWeights }) => initWeights === null,
    isStochastic: () => false,
    parameterCount(config, shape) {
      const { count, rank, width } = sidesOf(config, shape);
      return count * rank * (width + shape.out);
    },
  },
  sample: (draw) => ({
    rank: draw.integer(2, 3),
    numSubspaces: draw.pick([1, 2, 2, 3]),
    subspaceRank: draw.integer(1, 3),
    initWeights: draw.pick(['orthogonal', null]),
    useAsa: draw.pick([true, true, false]),
    asaTargetSubspaces: draw.integer(1, 3),
    initWarmup: draw.integer(0, 1),
    finalWarmup: draw.integer(2, 4),
    maskInterval: draw.integer(1, 2),
    asaImportanceBeta: draw.pick([0.5, 0.85]),
    asaUncertaintyBeta: draw.pick([0.5, 0.85]),
    asaScheduleExponent: draw.pick([0.5, 3]),
    useDynamicRank: draw.pick([true, true, false]),
    svdThreshold: draw.pick([0, 0.9]),
    randomSeed: draw.integer(0, 3),
  }),
  sides: [3, 4, 5],
  peft: {
    type: 'ADAMSS',
    inactive: { layers_pattern: null, layers_to_transform: null },
    keys: (_kind, { division }) => ({
      newB: 'adamss_newB',
      ...(division === undefined
        ? { A: 'adamss_A', B: 'adamss_B', rows: 'adamss_rows', ranks: 'adamss_ranks' }
        : Object.fromEntries(
            division.ranks.flatMap((_, k) => [
              [`A${k}`, `adamss_A.${k}`],
              [`B${k}`, `adamss_B.${k}`],
            ]),
          )),
    }),
    stored: (config, shape) =>
      config.division === undefined ? undefined : pairsOf(config.division, sidesOf(config, shape)),
    isSettled: (key) => /\.adamss_A\.\d+$/.test(key),
  },

  init(args) {
    const { config, shape, key } = args;
    const { count, rank } = sidesOf(config, shape);
    const sides = [shape.out, count * rank];
    const B = config.initWeights === null ? normal(foldIn(key, 'B'), sides, 0, 0.01) : zeros(sides);
    return { A: divided(args).A, B };
  },

  frozen(args) {
    const { newB, rows, ranks } = divided(args);
    return { newB, rows, ranks };
  },

  ...thinForms(
    (args) => {
      const { A, B } = subspaceFactors(args);
      return { A: sliceAxis(A, 1, 0, args.shape.in), B };
    },
    () => 0,
  ),

  adaptBias(bias, args) {
    if (bias === null) return null;
    const { A, B } = subspaceFactors(args);
    const column = squeeze(sliceAxis(A, 1, args.shape.in, 1), 1); // [count R]
    return add(bias, dot(B, column, { contract: [[1], [0]] }));
  },

  stepRule: allocateSubspaces(),

  async settle({ config, shape, frozen }) {
    const { width, count } = sidesOf(config, shape);
    // Of all its singular vectors the outputs are as far from each other, and roundings divide them.
    if (width === shape.out && count < shape.out) return config;
    const [rows, ranks] = await Promise.all(
      ['rows', 'ranks'].map(async (name) => [...(await parameterOf(frozen, name).data())]),
    );
    return { ...config, division: { rows: rows ?? [], ranks: ranks ?? [] } };
  },
};

/**
 * Adaptive multi-subspaces: the outputs of a weight, with its bias as one more input, are divided by what they take of
 * its leading right singular vectors, and each subspace has a low-rank update of its own over these.
 *
 * The shapes in PEFT's files depend on how a weight is divided. `settle` finds that, and `saveAdapter` does it; an adapter
 * that is encoded without has files of our own, which say it. So has one with all singular vectors of a weight, which
 * roundings divide: PEFT's files of such are refused.
 */
export function adamss(options: AdamssOptions = {}): Method<AdamssConfig> {
  return method(adamssVariant, options);
}
