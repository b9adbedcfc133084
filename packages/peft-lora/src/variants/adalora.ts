import {
  add,
  dot,
  foldIn,
  full,
  mul,
  normal,
  pad,
  permute,
  reshape,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type AllocationConfig, allocateRanks } from '../adalora/allocateRanks.ts';
import { orthogonality } from '../adalora/orthogonality.ts';
import { keptAt, rankKey } from '../adalora/rankPattern.ts';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface AdaloraConfig extends AllocationConfig {
  /** Rank of each update at first. */
  readonly initRank: number;
  /** Rank of each update in the end, on average: some places keep more, others less. */
  readonly targetRank: number;
  /** Steps in which all singular values train, before the first allocation. */
  readonly tInit: number;
  /** Steps in which those that are left train, after the last. */
  readonly tFinal: number;
  /** Steps from one allocation to the next. */
  readonly deltaT: number;
  /** Decay of the mean of sensitivities. */
  readonly beta1: number;
  /** Decay of the mean of their uncertainties. */
  readonly beta2: number;
  /** Weight of `adapterPenalty`. */
  readonly orthRegWeight: number;
  /** Steps of the whole training. */
  readonly totalSteps: number;
  /** The update is scaled by alpha / R; by 1 if alpha is not above 0. */
  readonly alpha: number;
  /** Probability with which an element of the input of A is dropped in training. */
  readonly dropout: number;
  /** Starts as the base, with small vectors; else all is normal, and no identity. */
  readonly initWeights: boolean;
  /** By the path of a module and `.lora_E`: which singular values it has left. Made by `trimRanks`. */
  readonly rankPattern: Readonly<Record<string, readonly boolean[]>> | null;
}

export type AdaloraOptions = Partial<AdaloraConfig> &
  Pick<AdaloraConfig, 'totalSteps'> &
  TargetOptions;

const count = z.int().min(0);
const decay = z.number().gt(0).lt(1).default(0.85);

export const adaloraVariant: Variant<AdaloraConfig> = {
  name: 'adalora',
  paper: 'Zhang et al. 2023, https://arxiv.org/abs/2303.10512',
  schema: z
    .strictObject({
      initRank: peftField(z.int().positive().default(12), 'init_r'),
      targetRank: peftField(z.int().positive().default(8), 'target_r'),
      tInit: peftField(count.default(0), 'tinit'),
      tFinal: peftField(count.default(0), 'tfinal'),
      deltaT: peftField(z.int().positive().default(1), 'deltaT'),
      beta1: peftField(decay, 'beta1'),
      beta2: peftField(decay, 'beta2'),
      orthRegWeight: peftField(z.number().positive().default(0.5), 'orth_reg_weight'),
      totalSteps: peftField(z.int().positive(), 'total_step'),
      alpha: peftField(z.number().default(8), 'lora_alpha'),
      dropout: peftField(z.number().min(0).lt(1).default(0), 'lora_dropout'),
      initWeights: peftField(z.boolean().default(true), 'init_lora_weights'),
      rankPattern: peftField(
        z.record(z.string(), z.array(z.boolean())).nullable().default(null),
        'rank_pattern',
      ),
    })
    .refine(({ tInit, tFinal, totalSteps }) => tInit < totalSteps - tFinal, {
      path: ['totalSteps'],
      message: 'tInit and tFinal leave no step for the allocation',
    })
    .refine(({ initRank, targetRank }) => targetRank <= initRank, {
      path: ['targetRank'],
      message: 'above initRank',
    })
    .refine(
      ({ initRank, rankPattern }) =>
        Object.values(rankPattern ?? {}).every(({ length }) => length === initRank),
      { path: ['rankPattern'], message: 'not one entry for each of initRank singular values' },
    ),
  kinds: ['linear', 'conv'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: (config) => rankOf(config),
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, shape) => rankOf(config) * (widthOf(shape) + shape.out + 1),
  },
  sample(draw) {
    const initRank = draw.integer(2, 3);
    const mask = Array.from({ length: initRank }, (_, i) => i === 0 || draw.boolean());
    return {
      initRank,
      targetRank: draw.integer(1, 2),
      tInit: draw.integer(0, 1),
      tFinal: draw.integer(0, 2),
      deltaT: draw.integer(1, 2),
      beta1: draw.pick([0.5, 0.85]),
      beta2: draw.pick([0.5, 0.85]),
      orthRegWeight: draw.pick([0.2, 0.5]),
      totalSteps: draw.integer(4, 6),
      alpha: draw.pick([-1, 2, 3]),
      dropout: draw.pick([0, 0.5]),
      initWeights: draw.boolean(),
      rankPattern: draw.boolean() ? null : { [rankKey('first')]: mask },
    };
  },
  peft: {
    type: 'ADALORA',
    inactive: {
      alora_invocation_tokens: null,
      alpha_pattern: {},
      arrow_config: null,
      bias: 'none',
      corda_config: null,
      ensure_weight_tying: false,
      eva_config: null,
      exclude_modules: null,
      fan_in_fan_out: false,
      kasa_config: null,
      layer_replication: null,
      layers_pattern: null,
      layers_to_transform: null,
      loftq_config: {},
      lora_bias: false,
      lora_ga_config: null,
      megatron_config: null,
      megatron_core: 'megatron.core',
      monteclora_config: null,
      qalora_group_size: 16,
      r: 8,
      target_parameters: null,
      trainable_token_indices: null,
      use_bdlora: null,
      use_dora: false,
      use_qalora: false,
      use_rslora: false,
      velora_config: null,
    },
    // PEFT takes `init_r` and `lora_alpha` as they are, whatever these say.
    ignored: ['r', 'use_rslora', 'alpha_pattern', 'lora_bias'],
    keys: () => ({ A: 'lora_A', B: 'lora_B', E: 'lora_E' }),
  },

  configAt: (config, path) => ({
    ...config,
    rankPattern: keptAt(config.rankPattern, path),
  }),

  refusal: (_, { groups }) =>
    groups === 1 ? undefined : 'the update of a convolution with groups is no one product',

  init({ shape, config, key }) {
    const R = rankOf(config);
    const random = (name: string, sides: number[], deviation: number): Tensor =>
      normal(foldIn(key, name), sides, 0, deviation);
    const deviation = config.initWeights ? 0.02 : 1;
    return {
      A: random('A', [R, widthOf(shape)], deviation),
      B: random('B', [shape.out, R], deviation),
      E: config.initWeights ? zeros([R, 1]) : random('E', [R, 1], 1),
    };
  },

  materialize(args) {
    const { left, right, scale } = pairOf(args);
    const { shape } = args;
    const update = mul(dot(left, right, { contract: [[1], [0]] }), scale); // [out, in]
    return add(args.base(), reshape(update, [shape.out, shape.in, ...shape.kernel]));
  },

  contract(x, args) {
    const { left, right, scale } = pairOf(args);
    const input = args.context.dropout(x, args.config.dropout);
    const low = dot(input, right, { contract: [[-1], [1]] }); // [..., R]
    return add(args.product(x), mul(dot(low, left, { contract: [[-1], [1]] }), scale)); // [..., out]
  },

  convolve(x, args) {
    const { left, right, scale } = pairOf(args);
    const { shape } = args;
    const kernel = reshape(right, [rankOf(args.config), shape.in, ...shape.kernel]);
    const low = args.convolveWith(args.context.dropout(x, args.config.dropout), kernel); // [B, R, ...spatial]
    const high = dot(left, low, { contract: [[1], [1]] }); // [O, B, ...spatial]
    const swapped = permute(high, [1, 0, ...shape.kernel.map((_, i) => i + 2)]);
    return add(args.product(x), mul(swapped, scale)); // [B, O, ...spatial]
  },

  lowRank: pairOf,

  fromLowRank({ left, right, scale }, { config }) {
    const R = rankOf(config);
    const [rank = 0] = right.shape;
    if (rank > R) return undefined;
    return {
      A: pad(right, { high: [R - rank, 0] }),
      B: pad(left, { high: [0, R - rank] }),
      E: full([R, 1], scale / scalingOf(config)),
    };
  },

  penalty(places) {
    const [first] = places;
    return mul(orthogonality(places), first?.config.orthRegWeight ?? 0);
  },

  stepRule: allocateRanks(),

  factors: () => ({ left: 'B', right: 'A', scale: null }),
};

/**
 * Adaptive low-rank adaptation: the weight plus `alpha / R` times `B diag(E) A`, whose singular values E are a budget for
 * all places together. Train with `adapterOptimizer`, which spends it, and `adapterPenalty` in the loss; then `trimRanks`
 * leaves what is left.
 */
export function adalora(options: AdaloraOptions): Method<AdaloraConfig> {
  return method(adaloraVariant, options);
}

function rankOf({ initRank, rankPattern }: AdaloraConfig): number {
  const [kept] = Object.values(rankPattern ?? {});
  return kept === undefined ? initRank : kept.filter(Boolean).length;
}

/** By the rank at first, so that a value counts as before when others have gone. */
function scalingOf({ alpha, initRank }: AdaloraConfig): number {
  return (alpha > 0 ? alpha : initRank) / (initRank + 1e-5);
}

function widthOf(shape: SiteShape): number {
  return shape.kernel.reduce((product, side) => product * side, shape.in);
}

function pairOf({
  config,
  parameters,
}: Pick<AdapterArguments<AdaloraConfig>, 'config' | 'parameters'>): {
  readonly left: Tensor;
  readonly right: Tensor;
  readonly scale: number;
} {
  return {
    left: parameterOf(parameters, 'B'), // [out, R]
    right: mul(parameterOf(parameters, 'A'), parameterOf(parameters, 'E')), // [R, in]
    scale: scalingOf(config),
  };
}
