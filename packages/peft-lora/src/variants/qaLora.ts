import { add, dot, mul, repeat, reshape, sum, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type LoraConfig, patternedAt, scalingOf } from '../lora/loraConfig.ts';
import { loraFormat } from '../lora/loraInTraining.ts';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';
import { loraVariant } from './lora.ts';

export interface QaLoraConfig
  extends Pick<
    LoraConfig,
    'rank' | 'alpha' | 'dropout' | 'useRslora' | 'rankPattern' | 'alphaPattern'
  > {
  /** First values of A and B, as LoRA's. */
  readonly initLoraWeights: boolean | 'gaussian';
  /** Inputs in a group, which share one column of A: as many as in a block of the quantised weight. */
  readonly qaloraGroupSize: number;
}

export type QaLoraOptions = Partial<QaLoraConfig> & TargetOptions;

const { rank, alpha, dropout, useRslora, rankPattern, alphaPattern } = loraVariant.schema.shape;

export const qaLoraVariant: Variant<QaLoraConfig> = {
  name: 'qaLora',
  paper: 'Xu et al. 2023, https://arxiv.org/abs/2309.14717',
  schema: z.strictObject({
    rank,
    alpha,
    dropout,
    useRslora,
    rankPattern,
    alphaPattern,
    initLoraWeights: peftField(
      z
        .union([z.boolean(), z.literal('gaussian')], {
          error: "true, false or 'gaussian': others are of single inputs, and A has groups of them",
        })
        .default(true),
      'init_lora_weights',
    ),
    qaloraGroupSize: peftField(z.int().positive().default(16), 'qalora_group_size'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initLoraWeights }) => initLoraWeights !== false,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, shape) => config.rank * (groupsOf(config, shape) + shape.out),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    useRslora: draw.boolean(),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
    initLoraWeights: draw.pick([true, false, 'gaussian']),
    qaloraGroupSize: draw.pick([1, 2]),
  }),
  sides: [2, 4, 6],
  refusal: ({ qaloraGroupSize: size }, shape) =>
    shape.in % size === 0
      ? undefined
      : `the ${shape.in} inputs do not divide into groups of ${size} (qaloraGroupSize)`,
  peft: {
    ...loraFormat,
    mark: { key: 'use_qalora', value: true },
    inactive: { ...loraFormat.inactive, lora_bias: false },
    keys: () => ({ A: 'lora_A.weight', B: 'lora_B.weight' }),
  },

  configAt: patternedAt,

  init: (args) =>
    loraVariant.init({
      ...args,
      config: asLora(args.config),
      shape: { ...args.shape, in: groupsOf(args.config, args.shape) },
    }),

  materialize: (args) => loraVariant.materialize(widened(args)),
  lowRank: (args) => loraVariant.lowRank?.(widened(args)),

  contract(x, args) {
    const { config, shape, parameters } = args;
    const input = args.context.dropout(x, config.dropout);
    const groups = [groupsOf(config, shape), config.qaloraGroupSize];
    const pooled = sum(reshape(input, [...x.shape.slice(0, -1), ...groups]), -1); // [..., in / G]
    const low = dot(pooled, parameterOf(parameters, 'A'), { contract: [[-1], [1]] }); // [..., R]
    const update = dot(low, parameterOf(parameters, 'B'), { contract: [[-1], [1]] }); // [..., out]
    return add(args.product(x), mul(update, scalingOf(config) * shareOf(config, shape)));
  },

  factors: () => ({ left: 'B', right: 'A', scale: null, isShort: true }),
};

/**
 * Quantisation-aware low-rank adaptation: the inputs of A are means of groups of G inputs, times the number of groups, so
 * that the update of an output is one number for each group. A is [R, in / G]; `in` must be a multiple of G.
 *
 * PEFT has it for weights in GPTQ alone, and merges none; here it goes on any linear layer, quantised or not, and is merged
 * as others are.
 */
export function qaLora(options: QaLoraOptions = {}): Method<QaLoraConfig> {
  return method(qaLoraVariant, options);
}

function groupsOf({ qaloraGroupSize }: QaLoraConfig, shape: SiteShape): number {
  return shape.in / qaloraGroupSize;
}

/** Of each input in what A sees: PEFT multiplies the mean of a group by the number of groups. */
function shareOf(config: QaLoraConfig, shape: SiteShape): number {
  return groupsOf(config, shape) / config.qaloraGroupSize;
}

function asLora({ qaloraGroupSize: _, ...config }: QaLoraConfig): LoraConfig {
  return { ...config, loraBias: false, useDora: false };
}

/** The update as LoRA's, with A for each input: [R, in]. */
function widened<A extends Omit<AdapterArguments<QaLoraConfig>, 'base'>>(
  args: A,
): Omit<A, 'config'> & { readonly config: LoraConfig } {
  const { config, parameters, shape } = args;
  const each: Tensor = repeat(parameterOf(parameters, 'A'), config.qaloraGroupSize, 1);
  const A = mul(each, shareOf(config, shape));
  return { ...args, config: asLora(config), parameters: { ...parameters, A } };
}
