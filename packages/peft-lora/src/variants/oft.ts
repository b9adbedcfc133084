import type { Context } from '@lorikeet/nn';
import {
  bernoulli,
  foldIn,
  normal,
  reshape,
  swapAxes,
  type Tensor,
  where,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type BlockChoice, nearestDivisor, rotatedSide } from '../orthogonal/blockLayout.ts';
import { cayley, cayleyNeumann, skewMatrices } from '../orthogonal/cayley.ts';
import { rotateBlocks } from '../orthogonal/rotateBlocks.ts';
import { withinBall } from '../orthogonal/withinBall.ts';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface OftConfig extends BlockChoice {
  /** Whether all blocks are one. */
  readonly blockShare: boolean;
  /** Keeps every rotation within a ball around none (COFT). */
  readonly coft: boolean;
  /** Radius of the ball, of all blocks together. */
  readonly epsilon: number;
  /** Approximates the Cayley transform by a sum of powers; else it is exact. */
  readonly useCayleyNeumann: boolean;
  /** Terms of the sum. */
  readonly neumannTerms: number;
  /** Probability with which a block rotates nothing in training. PEFT has the option and does not act on it. */
  readonly moduleDropout: number;
  /** Starts as the base; else the rotations are random. */
  readonly initWeights: boolean;
}

export type OftOptions = Partial<OftConfig> & TargetOptions;

const count = z.int().min(0);

export const oftVariant: Variant<OftConfig> = {
  name: 'oft',
  paper:
    'Qiu et al. 2023, https://arxiv.org/abs/2306.07280; Qiu et al. 2025, https://arxiv.org/abs/2506.19847',
  schema: z
    .strictObject({
      blockSize: peftField(count.default(32), 'oft_block_size'),
      blockCount: peftField(count.default(0), 'r'),
      blockShare: peftField(z.boolean().default(false), 'block_share'),
      coft: peftField(z.boolean().default(false), 'coft'),
      epsilon: peftField(z.number().positive().default(6e-5), 'eps'),
      useCayleyNeumann: peftField(z.boolean().default(true), 'use_cayley_neumann'),
      neumannTerms: peftField(z.int().min(2).default(5), 'num_cayley_neumann_terms'),
      moduleDropout: peftField(z.number().min(0).lt(1).default(0), 'module_dropout'),
      initWeights: peftField(z.boolean().default(true), 'init_weights'),
    })
    .refine(({ blockSize, blockCount }) => (blockSize === 0) !== (blockCount === 0), {
      message: 'give the size of the blocks or their number, and 0 for the other',
    }),
  kinds: ['linear', 'embedding', 'conv'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: ({ moduleDropout }) => moduleDropout > 0,
    keepsAngles: ({ useCayleyNeumann }) => !useCayleyNeumann,
    parameterCount(config, shape) {
      const { side, stored } = blocksOf(config, shape);
      return (stored * side * (side - 1)) / 2;
    },
  },
  sample(draw) {
    // Beyond the ball a block of one angle is at its end, where no gradient reaches it: one shared block is not so far.
    const coft = draw.boolean();
    return {
      ...(draw.boolean()
        ? { blockSize: draw.pick([2, 4]), blockCount: 0 }
        : { blockSize: 0, blockCount: draw.integer(1, 2) }),
      blockShare: coft || draw.boolean(),
      coft,
      epsilon: draw.pick([1.25, 4]),
      useCayleyNeumann: draw.boolean(),
      neumannTerms: draw.integer(2, 6),
      moduleDropout: draw.pick([0, 0.5]),
      initWeights: draw.boolean(),
    };
  },
  peft: {
    type: 'OFT',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: (kind) => ({
      skew: kind === 'embedding' ? 'oft_embedding_R.weight' : 'oft_R.weight',
    }),
  },

  refusal: (config, shape) =>
    blocksOf(config, shape).side > 1
      ? undefined
      : `${rotatedSide(shape)} features in blocks of one have nothing to rotate`,

  init({ shape, config, key }) {
    const { side, stored } = blocksOf(config, shape);
    const sides = [stored, (side * (side - 1)) / 2];
    return { skew: config.initWeights ? zeros(sides) : normal(key, sides, 0, 0.1) };
  },

  materialize: (args) => rotatedBase(args),
  contract: (x, args) => args.product(rotate(x, args, rotationsOf(args), args.context)),
  gather: (ids, args) => rotate(args.product(ids), args, rotationsOf(args), args.context),
  convolve: (x, args) => args.convolveWith(x, rotatedBase(args, args.context)),
};

/** Orthogonal fine-tuning: the inputs of a weight are rotated, in blocks, before it. */
export function oft(options: OftOptions = {}): Method<OftConfig> {
  const { blockCount = 0 } = options;
  return method(oftVariant, blockCount === 0 ? options : { blockSize: 0, ...options });
}

/** Side and number of the blocks, and how many are stored. A choice that does not divide gives way, as in PEFT. */
function blocksOf(
  { blockSize, blockCount, blockShare }: OftConfig,
  shape: SiteShape,
): { readonly side: number; readonly number: number; readonly stored: number } {
  const features = rotatedSide(shape);
  const side =
    blockSize === 0
      ? features / nearestDivisor(features, blockCount)
      : nearestDivisor(features, blockSize);
  const number = features / side;
  return { side, number, stored: blockShare ? 1 : number };
}

/** [D, b, b], or one block. */
function rotationsOf({ config, shape, parameters }: AdapterArguments<OftConfig>): Tensor {
  const { side } = blocksOf(config, shape);
  const packed = parameterOf(parameters, 'skew');
  // The ball is that of all blocks together.
  const radius = config.epsilon / Math.sqrt(packed.shape[0] ?? 1);
  const skew = skewMatrices(config.coft ? withinBall(packed, radius) : packed, side);
  return config.useCayleyNeumann ? cayleyNeumann(skew, config.neumannTerms) : cayley(skew);
}

/** The rows of `x`, [..., D b], rotated; in training some blocks are left as they are. */
function rotate(
  x: Tensor,
  { config, shape }: AdapterArguments<OftConfig>,
  rotations: Tensor,
  context?: Context,
): Tensor {
  const rotated = rotateBlocks(x, rotations);
  if (context?.key === undefined || config.moduleDropout === 0) return rotated;
  const { side, number } = blocksOf(config, shape);
  const isKept = bernoulli(foldIn(context.key, 'blocks'), [number, 1], 1 - config.moduleDropout);
  const blocks = [...x.shape.slice(0, -1), number, side];
  return reshape(where(isKept, reshape(rotated, blocks), reshape(x, blocks)), x.shape);
}

/** The weight in its own order of axes. What meets an input is rotated back, so that inputs need not be rotated. */
function rotatedBase(args: AdapterArguments<OftConfig>, context?: Context): Tensor {
  const base = args.base();
  const rotations = rotationsOf(args);
  const flat = reshape(base, [base.shape[0] ?? 1, -1]);
  const turned = args.shape.kind === 'embedding' ? rotations : swapAxes(rotations);
  return reshape(rotate(flat, args, turned, context), base.shape);
}
