import { add, dot, gather, mul, pad, reshape, sub, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { biasOfB } from '../lora/biasOfB.ts';
import { expertForm, expertUpdate } from '../lora/expertFactors.ts';
import { firstParameters, frozenOf, loraSum, onRoot, refusalOf } from '../lora/firstFactors.ts';
import { groupedConvolution, groupedForm } from '../lora/groupedFactors.ts';
import {
  holdsB,
  iterationsOf,
  type LoraConfig,
  type LoraOptions,
  mustKeepPart,
  namedInits,
  patternedAt,
  scalingOf,
  takesPart,
} from '../lora/loraConfig.ts';
import { factorsOf, matricesOf, shapesOf } from '../lora/loraFactors.ts';
import { factoredNorms, magnitudeScale, normsOf, scaleOutputs } from '../lora/magnitude.ts';
import type { SiteShape } from '../siteShape.ts';
import {
  type Method,
  method,
  type ProductArguments,
  peftField,
  type StoredForm,
  type Variant,
} from '../variant.ts';

export type { LoraConfig, LoraInit, LoraOptions } from '../lora/loraConfig.ts';

const rank = z.int().positive();

/** Options that go together, for the laws. */
const combinations = [
  { initLoraWeights: true, loraBias: true, useDora: false },
  { initLoraWeights: false, loraBias: true, useDora: false },
  { initLoraWeights: true, loraBias: false, useDora: false },
  { initLoraWeights: false, loraBias: false, useDora: false },
  { initLoraWeights: 'gaussian', loraBias: false, useDora: false },
  { initLoraWeights: false, loraBias: false, useDora: true },
  { initLoraWeights: true, loraBias: false, useDora: true },
  { initLoraWeights: 'gaussian', loraBias: false, useDora: true },
  { initLoraWeights: 'orthogonal', loraBias: false, useDora: false },
  { initLoraWeights: 'pissa', loraBias: false, useDora: false },
  { initLoraWeights: 'pissa', loraBias: false, useDora: true },
  { initLoraWeights: 'pissa_niter_2', loraBias: false, useDora: false },
  { initLoraWeights: 'olora', loraBias: false, useDora: false },
  { initLoraWeights: 'mica', loraBias: false, useDora: false },
  { initLoraWeights: 'eva', loraBias: false, useDora: false },
  { initLoraWeights: 'corda', loraBias: false, useDora: false },
  { initLoraWeights: 'lora_ga', loraBias: false, useDora: true },
  { initLoraWeights: 'gaussian', loraBias: false, useDora: false },
] as const;

export const loraVariant: Variant<LoraConfig> = {
  name: 'lora',
  paper: 'Hu et al. 2021, https://arxiv.org/abs/2106.09685',
  schema: z
    .strictObject({
      rank: peftField(rank.default(8), 'r', 'rankPattern'),
      alpha: peftField(z.number().default(8), 'lora_alpha', 'alphaPattern'),
      dropout: peftField(z.number().min(0).lt(1).default(0), 'lora_dropout'),
      useRslora: peftField(z.boolean().default(false), 'use_rslora'),
      initLoraWeights: peftField(
        z
          .union([
            z.boolean(),
            z.enum(namedInits),
            z
              .templateLiteral(['pissa_niter_', z.int()])
              .refine((init) => iterationsOf(init) !== undefined),
          ])
          .default(true),
        'init_lora_weights',
      ),
      loraBias: peftField(z.boolean().default(false), 'lora_bias'),
      useDora: peftField(z.boolean().default(false), 'use_dora'),
      rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
      alphaPattern: peftField(z.record(z.string(), z.number()).default({}), 'alpha_pattern'),
    })
    .refine(({ loraBias, useDora }) => !(loraBias && useDora), {
      error: 'the bias of B (lora_bias) does not go with DoRA',
      path: ['loraBias'],
    })
    .refine(({ useDora, initLoraWeights: init }) => !(useDora && init === 'mica'), {
      error: 'DoRA does not go with first values of mica',
      path: ['useDora'],
    })
    .refine(({ loraBias, initLoraWeights: init }) => !loraBias || typeof init === 'boolean', {
      error: 'the bias of B (lora_bias) needs first values of true or false',
      path: ['loraBias'],
    }),
  kinds: ['linear', 'embedding', 'conv', 'experts'],
  traits: {
    identityAtInit: ({ initLoraWeights }) => initLoraWeights !== false,
    maxRank: (config) => (config.useDora ? undefined : config.rank * (takesPart(config) ? 2 : 1)),
    isRandomAtInit: ({ initLoraWeights: init }) =>
      init !== 'mica' &&
      (!takesPart({ initLoraWeights: init }) || init === 'corda' || init === 'lora_ga'),
    isStochastic: ({ dropout }) => dropout > 0,
    holdsConstants: ({ useDora }) => useDora,
    parameterCount: (config, shape) => {
      const kernel = shape.kernel.reduce((product, side) => product * side, 1);
      const more = (config.loraBias ? 1 : 0) + (config.useDora ? 1 : 0);
      const tall = holdsB(config) ? 0 : shape.out / shape.groups;
      const factors = shape.in * kernel + tall;
      return shape.experts * config.rank * factors + more * shape.out;
    },
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    useRslora: draw.boolean(),
    ...draw.pick(combinations),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
  }),
  peft: {
    type: 'LORA',
    // They say how first values were made, which the file has.
    ignored: ['corda_config', 'eva_config', 'lora_ga_config'],
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
      use_qalora: false,
      velora_config: null,
    },
    keys: (kind, config) => ({
      ...(kind === 'embedding'
        ? { A: 'lora_embedding_A', B: 'lora_embedding_B' }
        : { A: 'lora_A.weight', B: 'lora_B.weight' }),
      ...(config.useDora ? { magnitude: 'lora_magnitude_vector' } : {}),
      ...(mustKeepPart(config) ? { firstA: 'lora_A.first', firstB: 'lora_B.first' } : {}),
    }),
    stored: (_, shape) => storedForm(shape),
  },

  configAt: patternedAt,

  init: firstParameters,
  frozen: frozenOf,
  refusal: refusalOf,

  materialize(args) {
    const sum = loraSum(args, args);
    if (!args.config.useDora) return sum;
    const norms =
      args.compat === 'peft'
        ? normsOf(loraSum(onRoot(args), args), args.shape)
        : normsOf(sum, args.shape);
    return scaleOutputs(sum, magnitudeScale(args, norms), args.shape);
  },

  contract(x, args) {
    const { A, B, scale } = factorsOf(args);
    const input = args.context.dropout(x, args.config.dropout);
    const low = dot(input, A, { contract: [[-1], [1]] }); // [..., K]
    const update = mul(dot(low, B, { contract: [[-1], [1]] }), scale); // [..., out]
    return withUpdate(x, input, update, args);
  },

  gather(ids, args) {
    const { A, B, scale } = factorsOf(args);
    const low = gather(A, ids, 1); // [K, ...ids]
    const update = mul(dot(low, B, { contract: [[0], [1]] }), scale); // [...ids, width]
    return withUpdate(ids, ids, update, args);
  },

  convolve(x, args) {
    const factors = factorsOf(args);
    const input = args.context.dropout(x, args.config.dropout);
    if (args.shape.groups !== 1)
      return withUpdate(
        x,
        input,
        mul(groupedConvolution(input, factors, args), factors.scale),
        args,
      );
    const low = args.convolveWith(input, factors.A); // [B, K, ...spatial]
    const high = dot(matricesOf(factors).B, low, { contract: [[1], [1]] }); // [O, B, ...spatial]
    const axes = high.shape.map((_, axis) => axis);
    const swapped = high.permute([1, 0, ...axes.slice(2)]); // [B, O, ...spatial]
    return withUpdate(x, input, mul(swapped, factors.scale), args);
  },

  contractExperts(x, args) {
    const factors = factorsOf(args);
    return add(args.product(x), mul(expertUpdate(x, factors), factors.scale));
  },

  lowRank(args) {
    if (!isOneProduct(args.shape) || args.config.useDora) return undefined;
    const factors = factorsOf(args);
    const { A: right, B: left } = matricesOf(factors);
    return { left, right, scale: factors.scale };
  },

  fromLowRank({ left, right, scale }, { shape, config }) {
    const R = config.rank;
    const [rank = 0] = right.shape;
    if (rank > R || !isOneProduct(shape) || config.useDora) return undefined;
    if (takesPart(config) || holdsB(config)) return undefined;
    const { a, b } = shapesOf(shape, R);
    const by = scale === 0 ? 0 : scale / scalingOf(config);
    return {
      A: reshape(pad(right, { high: [R - rank, 0] }), a),
      B: reshape(mul(pad(left, { high: [0, R - rank] }), by), b),
    };
  },

  factors: (config) =>
    holdsB(config) ? undefined : { left: 'B', right: 'A', scale: scalingOf(config) },

  bias: biasOfB,
};

/** Low-rank adaptation: the weight plus `alpha / R` times a product of two thin matrices, `B A`. */
export function lora(options: LoraOptions = {}): Method<LoraConfig> {
  return method(loraVariant, options);
}

/**
 * Low-rank adaptation with a trained magnitude for each output: `lora` with `useDora`.
 *
 * On another adapter, PEFT divides by the norm of the weight under both; `compat` gives that.
 */
export function dora(options: Omit<LoraOptions, 'useDora'> = {}): Method<LoraConfig> {
  return lora({ ...options, useDora: true });
}

/**
 * The product with the adapted weight.
 *
 * @param input `x` after dropout, of which the update is.
 */
function withUpdate(
  x: Tensor,
  input: Tensor,
  update: Tensor,
  args: ProductArguments<LoraConfig>,
): Tensor {
  const product = args.product(x);
  if (!args.config.useDora) return add(product, update);
  const { kind, kernel, out } = args.shape;
  const own = args.compat === 'peft' ? onRoot(args) : args;
  const norms =
    args.shape.groups === 1 ? factoredNorms(own) : normsOf(loraSum(own, args), args.shape);
  const scale = magnitudeScale(args, norms);
  const factor = kind === 'conv' ? reshape(scale, [out, ...kernel.map(() => 1)]) : scale;
  if (input === x) return mul(add(product, update), factor);
  // As in PEFT, the input of the weight itself is not dropped: only what the magnitude changes sees the dropped one.
  const changed = mul(args.product(input), sub(factor, 1));
  return add(add(product, changed), mul(update, factor));
}

/** The update of a convolution with groups, and of experts, is a product for each of them. */
function isOneProduct({ groups, kind }: SiteShape): boolean {
  return groups === 1 && kind !== 'experts';
}

/** How the factors are stored where PEFT has others. */
function storedForm(shape: SiteShape): StoredForm | undefined {
  if (shape.kind === 'experts') return expertForm(shape);
  return shape.groups === 1 ? undefined : groupedForm(shape);
}
