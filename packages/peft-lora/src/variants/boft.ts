import type { Context } from '@lorikeet/nn';
import {
  bernoulli,
  equal,
  eye,
  foldIn,
  iota,
  logicalAnd,
  mul,
  normal,
  ones,
  randint,
  reshape,
  sliceAxis,
  sub,
  swapAxes,
  type Tensor,
  where,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type BlockChoice, rotatedSide } from '../orthogonal/blockLayout.ts';
import { butterfly, butterflyBack } from '../orthogonal/butterfly.ts';
import { cayley } from '../orthogonal/cayley.ts';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface BoftConfig extends BlockChoice {
  /** Number of factors, each of which rotates all features in blocks of other ones. */
  readonly butterflyFactors: number;
  /** Probability with which a block of one factor, drawn for each call, rotates nothing in training. */
  readonly dropout: number;
  /** Starts as the base; else rotations and scales are random. */
  readonly initWeights: boolean;
}

export type BoftOptions = Partial<BoftConfig> & TargetOptions;

const count = z.int().min(0);

export const boftVariant: Variant<BoftConfig> = {
  name: 'boft',
  paper: 'Liu et al. 2023, https://arxiv.org/abs/2311.06243',
  schema: z
    .strictObject({
      blockSize: peftField(count.default(4), 'boft_block_size'),
      blockCount: peftField(count.default(0), 'boft_block_num'),
      butterflyFactors: peftField(z.int().positive().default(1), 'boft_n_butterfly_factor'),
      dropout: peftField(z.number().min(0).lt(1).default(0), 'boft_dropout'),
      initWeights: peftField(z.boolean().default(true), 'init_weights'),
    })
    .refine(({ blockSize, blockCount }) => (blockSize === 0) !== (blockCount === 0), {
      message: 'give the size of the blocks or their number, and 0 for the other',
    }),
  kinds: ['linear', 'conv'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: ({ dropout }) => dropout > 0,
    keepsAngles: () => true,
    parameterCount(config, shape) {
      const { side, number } = blocksOf(config, shape);
      return config.butterflyFactors * number * side * side + shape.out;
    },
  },
  sample: (draw) => ({
    ...(draw.boolean()
      ? { blockSize: draw.pick([2, 4]), blockCount: 0 }
      : { blockSize: 0, blockCount: draw.integer(1, 2) }),
    butterflyFactors: draw.integer(1, 2),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'BOFT',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({ rotations: 'boft_R', scale: 'boft_s' }),
  },

  refusal(config, shape) {
    const features = rotatedSide(shape);
    const { side, number } = blocksOf(config, shape);
    const { butterflyFactors: factors } = config;
    if (!Number.isInteger(side) || !Number.isInteger(number))
      return `${features} features cannot be cut into equal blocks of ${side}, ${number} of them`;
    if (side === 1) return `${features} features in blocks of one have nothing to rotate`;
    if (factors > 1 && (side % 2 !== 0 || number % 2 ** (factors - 1) !== 0))
      return `${factors} factors need blocks of an even size, and a multiple of ${2 ** (factors - 1)} of them`;
    return undefined;
  },

  init({ shape, config: { butterflyFactors, initWeights, ...choice }, key }) {
    const { side, number } = blocksOf(choice, shape);
    const rotations = [butterflyFactors, number, side, side];
    const scale = shape.kind === 'conv' ? [1, shape.out] : [shape.out, 1];
    return initWeights
      ? { rotations: zeros(rotations), scale: ones(scale) }
      : {
          rotations: normal(foldIn(key, 'rotations'), rotations, 0, 0.1),
          scale: normal(foldIn(key, 'scale'), scale, 1, 0.1),
        };
  },

  materialize: (args) => adaptedKernel(args),
  contract: (x, args) =>
    mul(args.product(butterfly(x, factorsOf(args, args.context))), scaleOf(args)),
  convolve: (x, args) => args.convolveWith(x, adaptedKernel(args, args.context)),
};

/** Butterfly orthogonal fine-tuning: a product of sparse rotations of the inputs, and a scale for each output. */
export function boft(options: BoftOptions = {}): Method<BoftConfig> {
  const { blockCount = 0 } = options;
  return method(boftVariant, blockCount === 0 ? options : { blockSize: 0, ...options });
}

/** Side and number of the blocks; not whole numbers where the choice does not divide. */
function blocksOf(
  { blockSize, blockCount }: BlockChoice,
  shape: SiteShape,
): { readonly side: number; readonly number: number } {
  const features = rotatedSide(shape);
  return blockSize === 0
    ? { side: features / blockCount, number: blockCount }
    : { side: blockSize, number: features / blockSize };
}

/** The rotations of each factor, [D, b, b]. */
function factorsOf(
  { parameters, config }: AdapterArguments<BoftConfig>,
  context?: Context,
): Tensor[] {
  const free = parameterOf(parameters, 'rotations'); // [factors, D, b, b]
  const rotations = cayley(mul(sub(free, swapAxes(free)), 0.5));
  const kept = dropBlocks(rotations, config.dropout, context?.key);
  return Array.from({ length: config.butterflyFactors }, (_, i) =>
    reshape(sliceAxis(kept, 0, i, 1), free.shape.slice(1)),
  );
}

/** In training, the identity in place of some blocks of one factor. */
function dropBlocks(rotations: Tensor, rate: number, key: Tensor | undefined): Tensor {
  if (key === undefined || rate === 0) return rotations;
  const [factors = 1, number = 1, side = 1] = rotations.shape;
  const chosen = randint(foldIn(key, 'factor'), [], 0, factors);
  const isChosen = equal(iota([factors, 1, 1, 1], 0, 'i32'), chosen);
  const isDropped = bernoulli(foldIn(key, 'blocks'), [number, 1, 1], rate);
  const unit = eye(side, side, { dtype: rotations.dtype });
  return where(logicalAnd(isChosen, isDropped), unit, rotations);
}

/** [out] */
function scaleOf({ parameters }: AdapterArguments<BoftConfig>): Tensor {
  return reshape(parameterOf(parameters, 'scale'), [-1]);
}

/** [out, in] or [O, C, ...kernel] */
function adaptedKernel(args: AdapterArguments<BoftConfig>, context?: Context): Tensor {
  const base = args.base();
  const transposed = factorsOf(args, context).map((blocks) => swapAxes(blocks));
  const rows = butterflyBack(reshape(base, [base.shape[0] ?? 1, -1]), transposed);
  return reshape(mul(rows, reshape(scaleOf(args), [-1, 1])), base.shape);
}
