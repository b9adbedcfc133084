import { kaimingUniform } from '@lorikeet/nn';
import { add, dot, foldIn, mul, reshape, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import {
  asLowRank,
  hadamardProduct,
  type LohaLayout,
  lohaFactors,
  lohaShapes,
} from '../lycoris/lohaFactors.ts';
import { pointwise } from '../lycoris/pointwise.ts';
import { dropUpdate, type UpdateDropout } from '../lycoris/updateDropout.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface LohaConfig extends LohaLayout {
  /** The update is scaled by alpha / R. */
  readonly alpha: number;
  /** Probability with which a feature of the output is left as the base has it in training; PEFT's name says otherwise. */
  readonly rankDropout: number;
  /** Probability with which the whole update is dropped in training. */
  readonly moduleDropout: number;
  /** Starts as the base; else all four matrices are random. */
  readonly initWeights: boolean;
  /** Other ranks for modules whose path ends in a match of the regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Other values of alpha, likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

export type LohaOptions = Partial<LohaConfig> & TargetOptions;

const rank = z.int().positive();
const rate = z.number().min(0).lt(1).default(0);

export const lohaVariant: Variant<LohaConfig> = {
  name: 'loha',
  paper: 'Hyeon-Woo et al. 2021, https://arxiv.org/abs/2108.06098',
  schema: z.strictObject({
    rank: peftField(rank.default(8), 'r', 'rankPattern'),
    alpha: peftField(z.number().default(8), 'alpha', 'alphaPattern'),
    useEffectiveConv2d: peftField(z.boolean().default(false), 'use_effective_conv2d'),
    rankDropout: peftField(rate, 'rank_dropout'),
    moduleDropout: peftField(rate, 'module_dropout'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
    alphaPattern: peftField(z.record(z.string(), z.number()).default({}), 'alpha_pattern'),
  }),
  kinds: ['linear', 'conv'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: (config) => config.rank * config.rank,
    isRandomAtInit: () => true,
    isStochastic: ({ rankDropout, moduleDropout }) => rankDropout > 0 || moduleDropout > 0,
    parameterCount: (config, shape) =>
      Object.values(lohaShapes(config, shape)).reduce(
        (count, sides) => count + sides.reduce((product, side) => product * side, 1),
        0,
      ),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    useEffectiveConv2d: draw.boolean(),
    rankDropout: draw.pick([0, 0.5]),
    moduleDropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
  }),
  peft: {
    type: 'LOHA',
    inactive: { exclude_modules: null, layers_pattern: null, layers_to_transform: null },
    keys: () => ({
      t1: 'hada_t1',
      t2: 'hada_t2',
      w1A: 'hada_w1_a',
      w1B: 'hada_w1_b',
      w2A: 'hada_w2_a',
      w2B: 'hada_w2_b',
    }),
  },

  configAt: (config, path) => ({
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
    alpha: valueForPath(config.alphaPattern, path) ?? config.alpha,
  }),

  init({ shape, config, key }) {
    const uniform = kaimingUniform();
    return Object.fromEntries(
      Object.entries(lohaShapes(config, shape)).map(([name, sides]) => {
        const isZero = config.initWeights && name === 'w2B';
        return [name, isZero ? zeros(sides) : uniform(foldIn(key, name), sides)] as const;
      }),
    );
  },

  materialize: (args) => add(args.base(), updateOf(args)),

  contract(x, args) {
    const { shape, parameters, config, product, context } = args;
    const low = asLowRank(lohaFactors(shape, parameters));
    const update =
      low === undefined
        ? dot(x, updateOf(args), { contract: [[-1], [1]] })
        : mul(
            dot(dot(x, low[1], { contract: [[-1], [1]] }), low[0], { contract: [[-1], [1]] }),
            scalingOf(config),
          );
    return add(product(x), dropUpdate(update, -1, dropoutOf(config), context)); // [..., out]
  },

  convolve(x, args) {
    const { shape, parameters, config, product, convolveWith, context } = args;
    // Each group of channels has a part of the whole product.
    const low = shape.groups === 1 ? asLowRank(lohaFactors(shape, parameters)) : undefined;
    const update =
      low === undefined
        ? convolveWith(x, updateOf(args))
        : mul(pointwise(convolveWith(x, low[1]), low[0]), scalingOf(config));
    return add(product(x), dropUpdate(update, 1, dropoutOf(config), context)); // [B, O, ...spatial]
  },

  lowRank({ shape, parameters, config }) {
    const low = shape.groups === 1 ? asLowRank(lohaFactors(shape, parameters)) : undefined;
    if (low === undefined) return undefined;
    const [left, wide] = low;
    return { left, right: reshape(wide, [wide.shape[0] ?? 1, -1]), scale: scalingOf(config) };
  },
};

/** Low-rank Hadamard product: the weight plus `alpha / R` times `(w1A w1B) * (w2A w2B)`, elementwise. */
export function loha(options: LohaOptions = {}): Method<LohaConfig> {
  return method(lohaVariant, options);
}

function scalingOf({ alpha, rank: R }: LohaConfig): number {
  return alpha / R;
}

/** [out, in, ...kernel] */
function updateOf({ shape, parameters, config }: AdapterArguments<LohaConfig>): Tensor {
  return mul(hadamardProduct(lohaFactors(shape, parameters)), scalingOf(config));
}

/** What is kept is always divided by its share. */
function dropoutOf({ rankDropout, moduleDropout }: LohaConfig): UpdateDropout {
  return { rankDropout, rankDropoutScale: true, moduleDropout };
}
