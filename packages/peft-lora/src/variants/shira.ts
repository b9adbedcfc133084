import {
  abs,
  add,
  div,
  dot,
  LorikeetError,
  mod,
  normal,
  reshape,
  sort,
  stack,
  sub,
  type Tensor,
  topk,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { entriesOf } from '../entriesOf.ts';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import { addEntries, denseOf, isWholeSmaller, sparseProduct } from '../sparseUpdate.ts';
import type { TargetOptions } from '../target.ts';
import { seededEntries } from '../torch/seededEntries.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface ShiraConfig {
  /** As many entries of a weight train as a LoRA of this rank has parameters. */
  readonly rank: number;
  /**
   * How entries are chosen: at random, or those that are largest in the weight. Files tell which they are, so that one
   * with a choice of another name, made by a function in Python, can be read.
   */
  readonly maskType: 'random' | 'magnitude' | (string & {});
  /** Of `random`: PyTorch's generator on a CPU. Without one, where PEFT's choice cannot be repeated, it is 0. */
  readonly randomSeed: number | null;
  /** Starts as the base; else the entries' changes are random. */
  readonly initWeights: boolean;
}

export type ShiraOptions = Partial<ShiraConfig> & TargetOptions;

export const shiraVariant: Variant<ShiraConfig> = {
  name: 'shira',
  paper: 'Bhardwaj et al. 2024, https://arxiv.org/abs/2406.13175',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(32), 'r'),
    maskType: peftField(z.string().default('random'), 'mask_type'),
    randomSeed: peftField(z.int().min(0).nullable().default(null), 'random_seed'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: entryCount,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 2),
    maskType: draw.pick(['random', 'magnitude']),
    randomSeed: draw.pick([null, 1, 2, 3]),
    initWeights: draw.boolean(),
  }),
  sides: [2, 4, 6],
  refusal: (config, shape) =>
    entryCount(config, shape) <= shape.in * shape.out
      ? undefined
      : `rank ${config.rank} asks for more entries than a weight of ${shape.out} by ${shape.in} has`,
  peft: {
    type: 'SHIRA',
    inactive: { fan_in_fan_out: false },
    keys: () => ({ values: 'shira_weight', indices: 'shira_indices' }),
  },

  init({ shape, config, key }) {
    const sides = [entryCount(config, shape)];
    return { values: config.initWeights ? zeros(sides) : normal(key, sides) };
  },

  frozen({ shape, config, base }) {
    const count = entryCount(config, shape);
    if (config.maskType === 'magnitude') return { indices: largestEntries(base(), count) };
    return { indices: seededEntries(shape, { count, seed: config.randomSeed ?? 0, sorted: true }) };
  },

  materialize: ({ base, parameters, frozen }) =>
    addEntries(base(), entriesOf(parameterOf(parameters, 'values'), frozen)),

  isWholeSooner: ({ config, shape, rows }) =>
    isWholeSmaller(entryCount(config, shape), rows, shape),

  contract(x, { shape, parameters, frozen, product }) {
    const entries = entriesOf(parameterOf(parameters, 'values'), frozen);
    const update = isWholeSmaller(entries.values.size, x.size / shape.in, shape)
      ? dot(x, denseOf(entries, [shape.out, shape.in]), { contract: [[-1], [1]] })
      : sparseProduct(entries, x, shape.out);
    return add(product(x), update);
  },
};

/**
 * Sparse high-rank adaptation: the weight with changes at a few of its entries.
 *
 * @throws LorikeetError `invalid-config` for a `maskType` that is neither of both, besides faults of other options.
 */
export function shira(options: ShiraOptions = {}): Method<ShiraConfig> {
  const { maskType = 'random' } = options;
  if (maskType === 'random' || maskType === 'magnitude') return method(shiraVariant, options);
  throw new LorikeetError('invalid-config', `shira knows no maskType '${maskType}'`, {
    expected: 'random, magnitude',
    received: maskType,
  });
}

/** The entries of largest absolute value, row by row: i32 [2, n]. */
function largestEntries(weight: Tensor, count: number): Tensor {
  const [, width = 1] = weight.shape;
  const { indices } = topk(reshape(abs(weight), [-1]), count);
  const places = sort(indices);
  return stack([div(sub(places, mod(places, width)), width), mod(places, width)]);
}

function entryCount({ rank }: ShiraConfig, shape: SiteShape): number {
  return rank * (shape.in + shape.out);
}
