import { kaimingUniform } from '@lorikeet/nn';
import {
  add,
  dot,
  foldIn,
  gather,
  LorikeetError,
  mul,
  normal,
  pad,
  reshape,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { SiteShape } from '../siteShape.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import {
  type AdapterArguments,
  type Method,
  method,
  peftField,
  type Tensors,
  type Variant,
} from '../variant.ts';

export interface LoraConfig {
  /** Rank R of the update. */
  readonly rank: number;
  /** The update is scaled by alpha / R. */
  readonly alpha: number;
  /** Probability with which an element of the input of A is dropped in training. */
  readonly dropout: number;
  /** Scales by alpha / sqrt(R) instead (Kalajdzievski 2023). */
  readonly useRslora: boolean;
  /** First values: A as PyTorch's linear layer and B zero; A normal and B zero; or both random, not a no-op. */
  readonly initLoraWeights: boolean | 'gaussian';
  /** Adds a bias of B's own, scaled as the update. */
  readonly loraBias: boolean;
  /** Other ranks for modules whose path ends in a match of the regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Other values of alpha, likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

export type LoraOptions = Partial<LoraConfig> & TargetOptions;

const rank = z.int().positive();

export const loraVariant: Variant<LoraConfig> = {
  name: 'lora',
  paper: 'Hu et al. 2021, https://arxiv.org/abs/2106.09685',
  schema: z.strictObject({
    rank: peftField(rank.default(8), 'r', 'rankPattern'),
    alpha: peftField(z.number().default(8), 'lora_alpha', 'alphaPattern'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'lora_dropout'),
    useRslora: peftField(z.boolean().default(false), 'use_rslora'),
    initLoraWeights: peftField(
      z.union([z.boolean(), z.literal('gaussian')]).default(true),
      'init_lora_weights',
    ),
    loraBias: peftField(z.boolean().default(false), 'lora_bias'),
    rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
    alphaPattern: peftField(z.record(z.string(), z.number()).default({}), 'alpha_pattern'),
  }),
  kinds: ['linear', 'embedding', 'conv'],
  traits: {
    identityAtInit: ({ initLoraWeights }) => initLoraWeights !== false,
    maxRank: (config) => config.rank,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, shape) => {
      const kernel = shape.kernel.reduce((product, side) => product * side, 1);
      return config.rank * (shape.in * kernel + shape.out) + (config.loraBias ? shape.out : 0);
    },
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    useRslora: draw.boolean(),
    initLoraWeights: draw.pick([true, false, 'gaussian'] as const),
    loraBias: draw.boolean(),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
  }),
  peft: {
    type: 'LORA',
    inactive: {
      alora_invocation_tokens: null,
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
      lora_ga_config: null,
      megatron_config: null,
      megatron_core: 'megatron.core',
      monteclora_config: null,
      qalora_group_size: 16,
      target_parameters: null,
      trainable_token_indices: null,
      use_bdlora: null,
      use_dora: false,
      use_qalora: false,
      velora_config: null,
    },
    keys: (kind) =>
      kind === 'embedding'
        ? { A: 'lora_embedding_A', B: 'lora_embedding_B' }
        : { A: 'lora_A.weight', B: 'lora_B.weight' },
  },

  configAt: (config, path) => ({
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
    alpha: valueForPath(config.alphaPattern, path) ?? config.alpha,
  }),

  init({ shape, config, key }): Tensors {
    const { initLoraWeights, rank: R } = config;
    const [keyA, keyB] = [foldIn(key, 'A'), foldIn(key, 'B')];
    const { a, b } = shapesOf(shape, R);
    if (shape.kind === 'embedding') {
      // As in PEFT: A is zero, so that an unused row of the table stays as it is.
      return { A: initLoraWeights === false ? normal(keyA, a) : zeros(a), B: normal(keyB, b) };
    }
    const uniform = kaimingUniform();
    return {
      A: initLoraWeights === 'gaussian' ? normal(keyA, a, 0, 1 / R) : uniform(keyA, a),
      B: initLoraWeights === false ? uniform(keyB, b) : zeros(b),
    };
  },

  materialize(args) {
    const { shape, config } = args;
    const { A, B } = factorsOf(args);
    // BA for [out, in] and [O, C, ...kernel]; its transpose for a table of rows.
    const product =
      shape.kind === 'embedding'
        ? dot(A, B, { contract: [[0], [1]] })
        : dot(reshape(B, [shape.out, config.rank]), A, { contract: [[1], [0]] });
    return add(args.base(), mul(product, scalingOf(config)));
  },

  contract(x, args) {
    const { A, B } = factorsOf(args);
    const low = dot(args.context.dropout(x, args.config.dropout), A, { contract: [[-1], [1]] }); // [..., R]
    return add(
      args.product(x),
      mul(dot(low, B, { contract: [[-1], [1]] }), scalingOf(args.config)),
    ); // [..., out]
  },

  gather(ids, args) {
    const { A, B } = factorsOf(args);
    const low = gather(A, ids, 1); // [R, ...ids]
    return add(
      args.product(ids),
      mul(dot(low, B, { contract: [[0], [1]] }), scalingOf(args.config)),
    ); // [...ids, width]
  },

  convolve(x, args) {
    const { A, B } = factorsOf(args);
    const { out } = args.shape;
    const low = args.convolveWith(args.context.dropout(x, args.config.dropout), A); // [B, R, ...spatial]
    const high = dot(reshape(B, [out, args.config.rank]), low, { contract: [[1], [1]] }); // [O, B, ...spatial]
    const axes = high.shape.map((_, axis) => axis);
    const swapped = high.permute([1, 0, ...axes.slice(2)]); // [B, O, ...spatial]
    return add(args.product(x), mul(swapped, scalingOf(args.config)));
  },

  lowRank({ shape, config, parameters }) {
    // The update of a convolution with groups is a block for each of them, and no one product.
    if (shape.groups !== 1) return undefined;
    const { A, B } = factorsOf({ parameters });
    return {
      left: reshape(B, [shape.out, config.rank]),
      right: reshape(A, [config.rank, A.size / config.rank]),
      scale: scalingOf(config),
    };
  },

  fromLowRank({ left, right, scale }, { shape, config }) {
    const R = config.rank;
    const [rank = 0] = right.shape;
    if (rank > R || shape.groups !== 1) return undefined;
    const { a, b } = shapesOf(shape, R);
    const by = scale === 0 ? 0 : scale / scalingOf(config);
    return {
      A: reshape(pad(right, { high: [R - rank, 0] }), a),
      B: reshape(mul(pad(left, { high: [0, R - rank] }), by), b),
    };
  },

  factors: (config) => ({ left: 'B', right: 'A', scale: scalingOf(config) }),

  bias: {
    isUsed: ({ loraBias }) => loraBias,
    init: ({ shape }) => ({ bias: zeros([shape.out]) }),
    materialize: (base, { config, parameters }) =>
      add(base, mul(required(parameters, 'bias'), scalingOf(config))),
    peftKeys: { bias: 'lora_B.bias' },
  },
};

/** Low-rank adaptation: the weight plus `alpha / R` times a product of two thin matrices, `B A`. */
export function lora(options: LoraOptions = {}): Method<LoraConfig> {
  return method(loraVariant, options);
}

function scalingOf({ alpha, rank: R, useRslora }: LoraConfig): number {
  return alpha / (useRslora ? Math.sqrt(R) : R);
}

function shapesOf(
  { kind, in: inputs, out, kernel, groups }: SiteShape,
  R: number,
): { a: number[]; b: number[] } {
  if (groups !== 1) {
    throw new LorikeetError('unsupported', 'lora cannot adapt a convolution with groups', {
      expected: 'groups 1',
      received: String(groups),
    });
  }
  return kind === 'conv'
    ? { a: [R, inputs, ...kernel], b: [out, R, ...kernel.map(() => 1)] }
    : { a: [R, inputs], b: [out, R] };
}

function factorsOf({ parameters }: Pick<AdapterArguments<LoraConfig>, 'parameters'>): {
  A: Tensor;
  B: Tensor;
} {
  return { A: required(parameters, 'A'), B: required(parameters, 'B') };
}

function required(parameters: Tensors, name: string): Tensor {
  const found = parameters[name];
  if (found === undefined)
    throw new LorikeetError('internal', `lora: the adapter has no parameter ${name}`);
  return found;
}
