import { kaimingUniform } from '@lorikeet/nn';
import {
  add,
  concat,
  dot,
  expandDims,
  eye,
  foldIn,
  moveAxis,
  mul,
  permute,
  reshape,
  swapAxes,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface GraloraConfig {
  /** Rank R that the blocks of a row, or of a column, of the grid have together; K divides it. */
  readonly rank: number;
  /** Rank of a plain low-rank product of the whole weight beside the blocks; 0 is none. */
  readonly hybridRank: number;
  /** The update is scaled by alpha / (R + hybridRank). */
  readonly alpha: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Side K of the grid of blocks, which must divide both sides of the weight. */
  readonly blockCount: number;
  /** Starts as the base; else B is random too. */
  readonly initWeights: boolean;
}

export type GraloraOptions = Partial<GraloraConfig> & TargetOptions;

const rank = z.int().positive();

export const graloraVariant: Variant<GraloraConfig> = {
  name: 'gralora',
  paper: 'Jung et al. 2025, https://arxiv.org/abs/2505.20355',
  schema: z
    .strictObject({
      rank: peftField(rank.default(32), 'r'),
      hybridRank: peftField(z.int().min(0).default(0), 'hybrid_r'),
      alpha: peftField(z.number().default(64), 'alpha'),
      dropout: peftField(z.number().min(0).lt(1).default(0), 'gralora_dropout'),
      blockCount: peftField(rank.default(2), 'gralora_k'),
      initWeights: peftField(z.boolean().default(true), 'init_weights'),
    })
    .refine(({ rank: R, blockCount }) => R % blockCount === 0, {
      error: 'the blocks share the rank out, so that blockCount must divide it',
      path: ['rank'],
    }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ rank: R, blockCount, hybridRank }) => R * blockCount + hybridRank,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: ({ rank: R, hybridRank }, shape) => (R + hybridRank) * (shape.in + shape.out),
  },
  sample: (draw) => ({
    ...draw.pick([
      { rank: 1, blockCount: 1 },
      { rank: 2, blockCount: 1 },
      { rank: 2, blockCount: 2 },
      { rank: 4, blockCount: 2 },
      { rank: 3, blockCount: 3 },
    ]),
    hybridRank: draw.integer(0, 2),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
  }),
  sides: [2, 3, 4, 6],
  refusal: ({ blockCount: K }, shape) =>
    shape.in % K === 0 && shape.out % K === 0
      ? undefined
      : `a grid of ${K} by ${K} does not divide a weight of ${shape.out} by ${shape.in}`,
  peft: {
    type: 'GRALORA',
    inactive: {
      bias: 'none',
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: (_kind, { hybridRank }) => ({
      A: 'gralora_A',
      B: 'gralora_B',
      ...(hybridRank > 0
        ? { wholeA: 'gralora_A_general.weight', wholeB: 'gralora_B_general.weight' }
        : {}),
    }),
  },

  init({ shape, config, key }) {
    const { rank: R, hybridRank: H, blockCount: K, initWeights } = config;
    const uniform = kaimingUniform();
    const up = (name: string, sides: readonly number[]): Tensor =>
      initWeights ? zeros(sides) : uniform(foldIn(key, name), sides);
    const cut = (rows: Tensor, sides: readonly number[]): Tensor => swapAxes(reshape(rows, sides));
    return {
      A: cut(uniform(foldIn(key, 'A'), [K * R, shape.in / K]), [K, R, shape.in / K]),
      B: cut(up('B', [shape.out, R]), [K, shape.out / K, R]),
      ...(H > 0
        ? {
            wholeA: uniform(foldIn(key, 'wholeA'), [H, shape.in]),
            wholeB: up('wholeB', [shape.out, H]),
          }
        : {}),
    };
  },

  materialize(args) {
    const { shape, config } = args;
    const { A, B } = blocksOf(args);
    const blocks = dot(B, A, {
      contract: [[2], [3]],
      batch: [
        [0, 1],
        [2, 0],
      ],
    }); // [K out, K in, out / K, in / K]
    const grid = reshape(permute(blocks, [0, 2, 1, 3]), [shape.out, shape.in]);
    const whole = wholeOf(args);
    const update =
      whole === undefined ? grid : add(grid, dot(whole.B, whole.A, { contract: [[1], [0]] }));
    return add(args.base(), mul(update, scalingOf(config)));
  },

  contract(x, args) {
    const { shape, config } = args;
    const { A, B } = blocksOf(args);
    const input = args.context.dropout(x, config.dropout);
    const rows = x.shape.slice(0, -1);
    const parts = reshape(input, [...rows, config.blockCount, -1]); // [..., K in, in / K]
    const low = dot(parts, A, { contract: [[-1], [1]], batch: [[-2], [0]] }); // [K in, ..., K out, R / K]
    const high = dot(low, B, {
      contract: [
        [0, -1],
        [1, 2],
      ],
      batch: [[-2], [0]],
    }); // [K out, ..., out / K]
    const grid = reshape(moveAxis(high, 0, -2), [...rows, shape.out]);
    const whole = wholeOf(args);
    const update = whole === undefined ? grid : add(grid, wholeProduct(input, whole));
    return add(args.product(x), mul(update, scalingOf(config)));
  },

  lowRank(args) {
    const { shape, config } = args;
    const K = config.blockCount;
    const { A, B } = blocksOf(args);
    const unit = eye(K, K, { dtype: A.dtype });
    // Every block of inputs has R directions of its own, each of which is read by one block of outputs.
    const wide = mul(expandDims(permute(A, [0, 2, 3, 1]), 3), reshape(unit, [K, 1, 1, K, 1]));
    const tall = mul(expandDims(permute(B, [0, 3, 1, 2]), 3), reshape(unit, [K, 1, 1, K, 1]));
    const grid = { left: reshape(tall, [shape.out, -1]), right: reshape(wide, [-1, shape.in]) };
    const whole = wholeOf(args);
    const scale = scalingOf(config);
    if (whole === undefined) return { ...grid, scale };
    return {
      left: concat([grid.left, whole.B], 1),
      right: concat([grid.right, whole.A], 0),
      scale,
    };
  },
};

/** Granular low-rank adaptation: the weight plus a grid of K by K blocks, each a product of rank R / K. */
export function gralora(options: GraloraOptions = {}): Method<GraloraConfig> {
  return method(graloraVariant, options);
}

function scalingOf({ alpha, rank: R, hybridRank }: GraloraConfig): number {
  return alpha / (R + hybridRank);
}

type Arguments = Pick<AdapterArguments<GraloraConfig>, 'shape' | 'config' | 'parameters'>;

/** The factors of all blocks. A: [K in, in / K, K out, R / K]; B: [K out, K in, R / K, out / K]. */
function blocksOf({ shape, config, parameters }: Arguments): Factors {
  const { rank: R, blockCount: K } = config;
  return {
    A: reshape(parameterOf(parameters, 'A'), [K, shape.in / K, K, R / K]),
    B: reshape(parameterOf(parameters, 'B'), [K, K, R / K, shape.out / K]),
  };
}

interface Factors {
  readonly A: Tensor;
  readonly B: Tensor;
}

/** The factors of the plain product beside the blocks, if there is one. A: [H, in]; B: [out, H]. */
function wholeOf({ config, parameters }: Arguments): Factors | undefined {
  return config.hybridRank === 0
    ? undefined
    : { A: parameterOf(parameters, 'wholeA'), B: parameterOf(parameters, 'wholeB') };
}

/** [..., out] */
function wholeProduct(x: Tensor, { A, B }: Factors): Tensor {
  return dot(dot(x, A, { contract: [[-1], [1]] }), B, { contract: [[-1], [1]] });
}
