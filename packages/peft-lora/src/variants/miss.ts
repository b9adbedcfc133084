import { kaimingUniform } from '@lorikeet/nn';
import {
  add,
  dot,
  expandDims,
  eye,
  pad,
  reshape,
  sliceAxis,
  sum,
  swapAxes,
  type Tensor,
  tile,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { LowRank } from '../algebra/lowRank.ts';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface MissConfig {
  /** Rows R of the shared block. */
  readonly rank: number;
  /** Probability with which an element of the input of the update is dropped in training; not with `bat`, as in PEFT. */
  readonly dropout: number;
  /**
   * Starts as the base; or from a random block. `bat` gives each R outputs an own block, which multiplies the weight, too;
   * `mini` repeats a narrow block along the outputs. Both start as the base.
   */
  readonly initWeights: boolean | 'bat' | 'mini';
  /** Columns of the block of `mini`. */
  readonly miniRank: number;
}

export type MissOptions = Partial<MissConfig> & TargetOptions;

export const missVariant: Variant<MissConfig> = {
  name: 'miss',
  paper: 'Kang and Yin 2024, https://arxiv.org/abs/2409.15371',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(64), 'r'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'miss_dropout'),
    initWeights: peftField(z.literal([true, false, 'bat', 'mini']).default(true), 'init_weights'),
    miniRank: peftField(z.int().positive().default(1), 'mini_r'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights !== false,
    maxRank: ({ rank, initWeights }) => (initWeights === 'bat' ? undefined : rank),
    isRandomAtInit: ({ initWeights }) => initWeights === false,
    isStochastic: ({ dropout, initWeights }) => dropout > 0 && initWeights !== 'bat',
    parameterCount: (config, shape) =>
      blockSides(config, shape).reduce((product, side) => product * side, 1),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 2),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.pick([true, false, 'bat', 'mini', 'mini', 'mini'] as const),
    miniRank: draw.integer(1, 2),
  }),
  peft: {
    type: 'MISS',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({ block: 'miss_block' }),
  },

  refusal({ rank: R, initWeights, miniRank }, { out, in: inputs }) {
    if (initWeights === 'bat' && (inputs % R !== 0 || out % R !== 0))
      return `'bat' needs a rank that divides ${out} outputs and ${inputs} inputs, not ${R}`;
    if (initWeights === 'mini' && out % miniRank !== 0)
      return `'mini' needs a miniRank that divides ${out} outputs, not ${miniRank}`;
    return undefined;
  },

  init({ shape, config, key }) {
    const sides = blockSides(config, shape);
    return { block: config.initWeights === false ? kaimingUniform()(key, sides) : zeros(sides) };
  },

  materialize({ base, shape, config, parameters }) {
    const block = parameterOf(parameters, 'block');
    if (config.initWeights === 'bat') return add(base(), blockwiseUpdate(base(), block));
    const period = periodOf(config.rank, shape.in);
    if (period === undefined) {
      // Sooner than the repeated block itself: the sum is a part of the product.
      const { left, right } = factorsOf(block, shape, config);
      return add(base(), dot(left, right, { contract: [[1], [0]] })); // [out, in]
    }
    const repeats = [1, period / config.rank];
    const once = tile(swapAxes(widened(block, shape)), repeats); // [out, period]
    const periods = reshape(base(), [shape.out, shape.in / period, period]);
    return reshape(add(periods, expandDims(once, 1)), [shape.out, shape.in]);
  },

  contract(x, { base, shape, config, parameters, product, context }) {
    const { rank: R, dropout } = config;
    const block = parameterOf(parameters, 'block');
    if (config.initWeights === 'bat')
      // Each block of outputs mixes the inputs in its own way: there is no shorter way than by the weight.
      return add(product(x), dot(x, blockwiseUpdate(base(), block), { contract: [[-1], [1]] }));
    const groups = Math.ceil(shape.in / R);
    const dropped = context.dropout(x, dropout);
    const high = x.shape.map((_, axis) => (axis === x.rank - 1 ? groups * R - shape.in : 0));
    const grouped = reshape(pad(dropped, { high }), [...x.shape.slice(0, -1), groups, R]);
    const low = sum(grouped, -2); // [..., R]
    const narrow = dot(low, block, { contract: [[-1], [0]] }); // [..., out], of mini one period of it
    const repeats = x.shape.map((_, axis) =>
      axis === x.rank - 1 ? shape.out / (block.shape[1] ?? 1) : 1,
    );
    return add(product(x), tile(narrow, repeats)); // [..., out]
  },

  lowRank: ({ shape, config, parameters }) =>
    config.initWeights === 'bat'
      ? undefined
      : factorsOf(parameterOf(parameters, 'block'), shape, config),
};

/** Matrix shard sharing: the weight plus one block of R rows of inputs, repeated along the inputs. */
export function miss(options: MissOptions = {}): Method<MissConfig> {
  return method(missVariant, options);
}

/** Numbers side by side that one sum takes at once: shorter lines take longer to begin than to add. */
const line = 128;

/** How many inputs several blocks have side by side, if the inputs are a number of these. */
function periodOf(rank: number, inputs: number): number | undefined {
  const blocks = inputs / rank;
  if (!Number.isInteger(blocks)) return undefined;
  let count = Math.min(blocks, Math.ceil(line / rank));
  while (blocks % count !== 0) count += 1;
  return count * rank;
}

/** The block, repeated along the outputs where it is narrow: [R, out]. */
function widened(block: Tensor, { out }: SiteShape): Tensor {
  return tile(block, [1, out / (block.shape[1] ?? 1)]);
}

/** The widened block times which inputs each of its rows reads. */
function factorsOf(block: Tensor, shape: SiteShape, { rank: R }: MissConfig): LowRank {
  const unit = eye(R, R, { dtype: block.dtype });
  const right = sliceAxis(tile(unit, [1, Math.ceil(shape.in / R)]), 1, 0, shape.in); // [R, in]
  return { left: swapAxes(widened(block, shape)), right, scale: 1 };
}

function blockSides(
  { rank: R, initWeights, miniRank }: MissConfig,
  { out }: SiteShape,
): readonly number[] {
  if (initWeights === 'bat') return [out / R, R, R];
  return [R, initWeights === 'mini' ? miniRank : out];
}

/**
 * Each R by R block of the weight, and the identity, times the block of its outputs.
 *
 * @param base [out, in]
 * @param block [out / R, R, R]
 */
function blockwiseUpdate(base: Tensor, block: Tensor): Tensor {
  const [out = 1, inputs = 1] = base.shape;
  const [rows = 1, R = 1] = block.shape;
  const blocks = reshape(base, [rows, R, inputs / R, R]); // [o, a, g, b]
  const flat = reshape(blocks, [rows, inputs, R]); // [o, (a, g), b]
  const product = dot(flat, block, { contract: [[2], [1]], batch: [[0], [0]] }); // [o, (a, g), c]
  const shift = reshape(block, [rows, R, 1, R]);
  return reshape(add(reshape(product, [rows, R, inputs / R, R]), shift), [out, inputs]);
}
