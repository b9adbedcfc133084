import { kaimingUniform } from '@lorikeet/nn';
import { add, dot, foldIn, mul, normal, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { LowRank } from '../algebra/lowRank.ts';
import {
  type BdLoraBlocks,
  type BdLoraConfig,
  foundIn,
  refusalOf,
  sidesOf,
} from '../lora/bdLoraConfig.ts';
import { biasOfB } from '../lora/biasOfB.ts';
import { blockProduct, wholeOf } from '../lora/blockDiagonal.ts';
import { patternedAt, scalingOf } from '../lora/loraConfig.ts';
import { loraFormat } from '../lora/loraInTraining.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';
import { loraVariant } from './lora.ts';

export type { BdLoraBlocks, BdLoraConfig } from '../lora/bdLoraConfig.ts';

export type BdLoraOptions = Partial<Omit<BdLoraConfig, 'useBdlora' | 'found'>> & {
  readonly useBdlora: Partial<BdLoraBlocks>;
} & TargetOptions;

const { rank, alpha, dropout, useRslora, loraBias, rankPattern, alphaPattern } =
  loraVariant.schema.shape;
const defaults = {
  targetModulesBdA: null,
  targetModulesBdB: null,
  nblocks: 1,
  matchStrict: true,
} satisfies BdLoraBlocks;
const parts = z.array(z.string()).nullable().default(null);

export const bdLoraVariant: Variant<BdLoraConfig> = {
  name: 'bdLora',
  paper: 'Wang et al. 2025, https://arxiv.org/abs/2510.23346',
  schema: z
    .strictObject({
      rank,
      alpha,
      dropout,
      useRslora,
      loraBias,
      rankPattern,
      alphaPattern,
      initLoraWeights: peftField(
        z
          .union([z.boolean(), z.literal('gaussian')], {
            error: "true, false or 'gaussian': others are of whole factors, and one is in blocks",
          })
          .default(true),
        'init_lora_weights',
      ),
      useBdlora: peftField(
        z
          .strictObject({
            targetModulesBdA: peftField(parts, 'target_modules_bd_a'),
            targetModulesBdB: peftField(parts, 'target_modules_bd_b'),
            nblocks: peftField(z.int().positive().default(defaults.nblocks), 'nblocks'),
            matchStrict: peftField(z.boolean().default(defaults.matchStrict), 'match_strict'),
          })
          .default(defaults),
        'use_bdlora',
      ),
    })
    .refine(
      ({ useBdlora: { targetModulesBdA: a, targetModulesBdB: b } }) =>
        !(a ?? []).some((part) => b?.includes(part)),
      { error: 'a module has one of its factors in blocks, not both', path: ['useBdlora'] },
    ),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initLoraWeights }) => initLoraWeights !== false,
    maxRank: ({ rank: R }) => R,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, shape) => {
      const { a, b } = sidesOf(config, shape);
      return a[0] * a[1] + b[0] * b[1] + (config.loraBias ? shape.out : 0);
    },
  },
  sample(draw) {
    const nblocks = draw.integer(1, 2);
    return {
      rank: 2 * draw.integer(1, 2),
      alpha: draw.pick([0.5, 2, 3]),
      dropout: draw.pick([0, 0.5]),
      useRslora: draw.boolean(),
      loraBias: draw.boolean(),
      rankPattern: draw.boolean() ? {} : { first: 2 * draw.integer(1, 2) },
      alphaPattern: draw.boolean() ? {} : { second: 5 },
      initLoraWeights: draw.pick([true, false, 'gaussian']),
      useBdlora: draw.pick([
        { targetModulesBdA: ['fir'], targetModulesBdB: ['second'], nblocks, matchStrict: true },
        {
          targetModulesBdA: ['first', 'second'],
          targetModulesBdB: null,
          nblocks,
          matchStrict: true,
        },
        { targetModulesBdA: null, targetModulesBdB: ['first'], nblocks, matchStrict: false },
      ]),
    };
  },
  sides: [2, 4],
  refusal: refusalOf,
  peft: {
    ...loraFormat,
    mark: { key: 'use_bdlora' },
    keys: () => ({ A: 'lora_A.weight', B: 'lora_B.weight' }),
  },

  configAt: (config, path) => ({ ...patternedAt(config, path), found: foundIn(config, path) }),

  init({ config, key, shape }) {
    const { rank: R, initLoraWeights: init, found } = config;
    const { a, b } = sidesOf(config, shape);
    const [keyA, keyB] = [foldIn(key, 'A'), foldIn(key, 'B')];
    const uniform = found === 'A' ? kaimingUniform(0) : kaimingUniform();
    return {
      A: init === 'gaussian' ? normal(keyA, a, 0, 1 / R) : uniform(keyA, a),
      B: init === false ? kaimingUniform()(keyB, b) : zeros(b),
    };
  },

  materialize(args) {
    // The thin factor with its zeros: products by blocks would be put together by a copy of the whole weight.
    const { left, right, scale } = wideFactors(args);
    const product = dot(left, right, { contract: [[1], [0]] });
    return add(args.base(), mul(product, scale)); // [out, in]
  },

  contract(x, args) {
    const { config, context } = args;
    const { A, B, N } = factorsOf(args);
    const times = (input: Tensor, factor: Tensor, name: Side): Tensor =>
      config.found === name
        ? blockProduct(input, factor, N)
        : dot(input, factor, { contract: [[-1], [1]] });
    const low = times(context.dropout(x, config.dropout), A, 'A'); // [..., R]
    return add(args.product(x), mul(times(low, B, 'B'), scalingOf(config))); // [..., out]
  },

  lowRank: wideFactors,

  bias: biasOfB,

  factors: () => ({ left: 'B', right: 'A', scale: null, isShort: true }),
};

/**
 * LoRA with one factor in blocks along its diagonal, so that a layer that is split over N devices needs no exchange for its
 * update: A, [R, in / N], of layers that are split by their inputs, or B, [out, R / N], of those split by their outputs. N must
 * divide both sides of that factor.
 *
 * @throws LorikeetError `unsupported`, from `adapt`, for a module that both lists have, or neither with `matchStrict`.
 * @example
 * const how = bdLora({
 *   useBdlora: { targetModulesBdA: ['o_proj', 'down_proj'], targetModulesBdB: ['q_proj', 'up_proj'], nblocks: 2 },
 * });
 */
export function bdLora({ useBdlora, ...options }: BdLoraOptions): Method<BdLoraConfig> {
  return method(bdLoraVariant, { ...options, useBdlora: { ...defaults, ...useBdlora } });
}

/** The factors of the update as LoRA has them, with zeros outside of the blocks. */
function wideFactors(args: Omit<AdapterArguments<BdLoraConfig>, 'base'>): LowRank {
  const { A, B, N } = factorsOf(args);
  const { found } = args.config;
  return {
    left: found === 'B' ? wholeOf(B, N) : B,
    right: found === 'A' ? wholeOf(A, N) : A,
    scale: scalingOf(args.config),
  };
}

type Side = 'A' | 'B';

function factorsOf({
  parameters,
  config,
}: Pick<AdapterArguments<BdLoraConfig>, 'parameters' | 'config'>): {
  readonly A: Tensor;
  readonly B: Tensor;
  readonly N: number;
} {
  const [A, B] = [parameterOf(parameters, 'A'), parameterOf(parameters, 'B')];
  return { A, B, N: config.useBdlora.nblocks };
}
