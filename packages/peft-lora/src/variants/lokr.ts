import { kaimingUniform } from '@lorikeet/nn';
import { add, foldIn, mul, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import {
  contractFactors,
  convolveFactors,
  kroneckerPair,
  kroneckerProduct,
  type LokrLayout,
  lokrFactors,
  lokrShapes,
} from '../lycoris/lokrFactors.ts';
import { dropUpdate, type UpdateDropout } from '../lycoris/updateDropout.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface LokrConfig extends LokrLayout, UpdateDropout {
  /** The update is scaled by alpha / R. */
  readonly alpha: number;
  /** First values: the first factor zero; the second zero, as in LyCORIS; or all random, not a no-op. */
  readonly initWeights: boolean | 'lycoris';
  /** Other ranks for modules whose path ends in a match of the regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Other values of alpha, likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

export type LokrOptions = Partial<LokrConfig> & TargetOptions;

const rank = z.int().positive();
const rate = z.number().min(0).lt(1).default(0);

export const lokrVariant: Variant<LokrConfig> = {
  name: 'lokr',
  paper: 'Yeh et al. 2023, https://arxiv.org/abs/2309.14859',
  schema: z.strictObject({
    rank: peftField(rank.default(8), 'r', 'rankPattern'),
    alpha: peftField(z.number().default(8), 'alpha', 'alphaPattern'),
    decomposeBoth: peftField(z.boolean().default(false), 'decompose_both'),
    decomposeFactor: peftField(z.int().default(-1), 'decompose_factor'),
    useEffectiveConv2d: peftField(z.boolean().default(false), 'use_effective_conv2d'),
    rankDropout: peftField(rate, 'rank_dropout'),
    rankDropoutScale: peftField(z.boolean().default(false), 'rank_dropout_scale'),
    moduleDropout: peftField(rate, 'module_dropout'),
    initWeights: peftField(
      z.union([z.boolean(), z.literal('lycoris')]).default(true),
      'init_weights',
    ),
    rankPattern: peftField(z.record(z.string(), rank).default({}), 'rank_pattern'),
    alphaPattern: peftField(z.record(z.string(), z.number()).default({}), 'alpha_pattern'),
  }),
  kinds: ['linear', 'conv'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights !== false,
    maxRank: () => undefined,
    isRandomAtInit: () => true,
    isStochastic: ({ rankDropout, moduleDropout }) => rankDropout > 0 || moduleDropout > 0,
    parameterCount: (config, shape) =>
      Object.values(lokrShapes(config, shape)).reduce(
        (count, sides) => count + sides.reduce((product, side) => product * side, 1),
        0,
      ),
  },
  sample: (draw) => ({
    rank: draw.pick([1, 1, 2]),
    alpha: draw.pick([0.5, 2, 3]),
    decomposeBoth: draw.boolean(),
    decomposeFactor: draw.pick([-1, 1, 1, 3, 4]),
    useEffectiveConv2d: draw.boolean(),
    rankDropout: draw.pick([0, 0.5]),
    rankDropoutScale: draw.boolean(),
    moduleDropout: draw.pick([0, 0.5]),
    initWeights: draw.pick([true, false, 'lycoris'] as const),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
  }),
  peft: {
    type: 'LOKR',
    inactive: { exclude_modules: null, layers_pattern: null, layers_to_transform: null },
    keys: () => ({
      w1: 'lokr_w1',
      w1A: 'lokr_w1_a',
      w1B: 'lokr_w1_b',
      w2: 'lokr_w2',
      w2A: 'lokr_w2_a',
      w2B: 'lokr_w2_b',
      t2: 'lokr_t2',
    }),
  },

  configAt: (config, path) => ({
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
    alpha: valueForPath(config.alphaPattern, path) ?? config.alpha,
  }),

  init({ shape, config, key }) {
    const { initWeights } = config;
    const shapes = lokrShapes(config, shape);
    // One factor of a product of zeros is enough.
    const zeroed =
      initWeights === true ? ['w1', 'w1A'] : initWeights === false ? [] : ['w2', 'w2B'];
    return Object.fromEntries(
      Object.entries(shapes).map(([name, sides]) => [
        name,
        zeroed.includes(name) ? zeros(sides) : kaimingUniform()(foldIn(key, name), sides),
      ]),
    );
  },

  materialize: (args) => add(args.base(), updateOf(args)),

  contract(x, args) {
    const { shape, parameters, config, product, context } = args;
    const update = mul(contractFactors(x, lokrFactors(shape, parameters)), scalingOf(config));
    return add(product(x), dropUpdate(update, -1, config, context)); // [..., out]
  },

  convolve(x, args) {
    const { shape, parameters, config, product, convolveWith, context } = args;
    // Each group of channels has a part of the whole product.
    const update =
      shape.groups === 1
        ? mul(convolveFactors(x, lokrFactors(shape, parameters), convolveWith), scalingOf(config))
        : convolveWith(x, updateOf(args));
    return add(product(x), dropUpdate(update, 1, config, context)); // [B, O, ...spatial]
  },

  lowRank({ shape, parameters, config }) {
    const low = shape.groups === 1 ? kroneckerPair(lokrFactors(shape, parameters)) : undefined;
    return low === undefined ? undefined : { ...low, scale: scalingOf(config) };
  },
};

/** Low-rank Kronecker product: the weight plus `alpha / R` times `w1 ⊗ w2`, of which large factors are products. */
export function lokr(options: LokrOptions = {}): Method<LokrConfig> {
  return method(lokrVariant, options);
}

function scalingOf({ alpha, rank: R }: LokrConfig): number {
  return alpha / R;
}

/** [out, in, ...kernel] */
function updateOf({ shape, parameters, config }: AdapterArguments<LokrConfig>): Tensor {
  return mul(kroneckerProduct(lokrFactors(shape, parameters)), scalingOf(config));
}
