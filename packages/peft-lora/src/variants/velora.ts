import {
  add,
  any,
  dot,
  foldIn,
  mul,
  notEqual,
  stopGradient,
  type Tensor,
  where,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { patternedAt } from '../lora/loraConfig.ts';
import { factorsOf } from '../lora/loraFactors.ts';
import {
  allowsItsBias,
  asLora,
  biasFault,
  type LoraInTrainingConfig,
  loraFields,
  loraFormat,
  loraFrozen,
  loraInTraining,
  loraKeys,
} from '../lora/loraInTraining.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, type ProductArguments, peftField, type Variant } from '../variant.ts';
import {
  averageDirection,
  groupSize,
  projectedProduct,
  randomDirection,
} from '../velora/projection.ts';

/** How inputs are compressed for the backward pass. */
export interface VeloraProjection {
  /** Number G of groups that the features of an input are split into: numbers kept for each token. */
  readonly numGroups: number;
  /** Factor of the derivative by A. */
  readonly scale: number;
  /**
   * The direction onto which groups are projected: `batch_average`, that of the average of all groups in each batch;
   * `batch_average_once`, that of a first batch, see `initializeVelora`; `random`, by the key.
   */
  readonly initType: 'batch_average' | 'batch_average_once' | 'random';
}

export interface VeloraConfig extends LoraInTrainingConfig {
  readonly veloraConfig: VeloraProjection;
}

export type VeloraOptions = Partial<Omit<VeloraConfig, 'veloraConfig'>> & {
  readonly veloraConfig?: Partial<VeloraProjection>;
} & TargetOptions;

const defaults: VeloraProjection = { numGroups: 64, scale: 1, initType: 'batch_average' };

export const veloraVariant: Variant<VeloraConfig> = {
  ...loraInTraining,
  name: 'velora',
  paper: 'Miles et al. 2024, https://arxiv.org/abs/2405.17991',
  schema: z
    .strictObject({
      ...loraFields,
      veloraConfig: peftField(
        z
          .strictObject({
            numGroups: peftField(z.int().positive().default(defaults.numGroups), 'num_groups'),
            scale: peftField(z.number().positive().default(defaults.scale), 'scale'),
            initType: peftField(
              z.enum(['batch_average', 'batch_average_once', 'random']).default(defaults.initType),
              'init_type',
            ),
          })
          .default(defaults),
        'velora_config',
      ),
    })
    .refine(allowsItsBias, biasFault),
  traits: {
    ...loraInTraining.traits,
    // The derivative by A takes what it keeps of the input as a constant.
    holdsConstants: (_, isTraining) => isTraining,
  },
  sample: (draw) => ({
    ...loraInTraining.sample(draw),
    veloraConfig: {
      numGroups: draw.integer(1, 3),
      scale: draw.pick([0.5, 1, 2]),
      initType: draw.pick(['batch_average', 'batch_average_once', 'random']),
    },
  }),
  peft: {
    ...loraFormat,
    mark: { key: 'velora_config' },
    keys: (_, config) => ({ ...loraKeys(config), direction: 'lora_velora_embed' }),
  },

  configAt: patternedAt,

  frozen: (args) => ({ ...loraFrozen(args), direction: firstDirection(args) }),

  contract(x, args) {
    if (!args.context.isTraining) return loraInTraining.contract(x, args);
    const { A, B, scale } = factorsOf(asLora(args));
    const input = args.context.dropout(x, args.config.dropout);
    const { numGroups: groups, scale: share } = args.config.veloraConfig;
    const low = projectedProduct(input, A, directionFor(input, args), { groups, scale: share }); // [..., K]
    return add(args.product(x), mul(dot(low, B, { contract: [[-1], [1]] }), scale)); // [..., out]
  },
};

/**
 * Very-low-rank compression of activations: LoRA whose derivative by A is made of the inputs projected onto one direction in each
 * of G groups of features, so that a training step keeps G numbers of each token for it in place of the input. Values, and
 * all other derivatives, are LoRA's.
 *
 * With `batch_average_once`, `initializeVelora` makes the direction from a batch; until then each batch has its own.
 */
export function velora({ veloraConfig, ...options }: VeloraOptions = {}): Method<VeloraConfig> {
  return method(veloraVariant, { ...options, veloraConfig: { ...defaults, ...veloraConfig } });
}

/** Zeros stand for a direction that is not made, as in PEFT's files. */
function firstDirection({
  shape,
  key,
  config: { veloraConfig },
}: Parameters<NonNullable<Variant<VeloraConfig>['frozen']>>[0]): Tensor {
  const size = groupSize(shape.in, veloraConfig.numGroups);
  return veloraConfig.initType === 'random'
    ? randomDirection(foldIn(key, 'direction'), size)
    : zeros([size]);
}

function directionFor(
  input: Tensor,
  { config: { veloraConfig }, frozen }: ProductArguments<VeloraConfig>,
): Tensor {
  const stored = parameterOf(frozen, 'direction');
  const { initType, numGroups } = veloraConfig;
  if (initType === 'random') return stored;
  const average = averageDirection(stopGradient(input), numGroups);
  if (initType === 'batch_average') return average;
  return where(any(notEqual(stored, 0)), stored, average);
}
