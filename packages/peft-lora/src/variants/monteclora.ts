import type { Context } from '@lorikeet/nn';
import {
  add,
  cast,
  eye,
  foldIn,
  full,
  LorikeetError,
  mul,
  square,
  sum,
  type Tensor,
  uniform,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { patternedAt } from '../lora/loraConfig.ts';
import {
  allowsItsBias,
  biasFault,
  type LoraInTrainingConfig,
  loraFields,
  loraFormat,
  loraFrozen,
  loraInTraining,
  loraKeys,
} from '../lora/loraInTraining.ts';
import {
  dirichletDivergence,
  normalDivergence,
  wishartDivergence,
} from '../monteclora/divergence.ts';
import { changeFrom, drawFrom } from '../monteclora/posterior.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import type { TrainedPlace } from '../training/stepRule.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

/** The distributions that changes of A are drawn from. */
export interface MontecloraSampling {
  /** Number N of samples for each call. With one, its weight is 1 and nothing trains it. */
  readonly numSamples: number;
  /** Adds the sum of the squares of the weights to the penalty, so that no sample counts alone. */
  readonly useEntropy: boolean;
  /** Concentration of the Dirichlet distribution that the weights are kept near. */
  readonly dirichletPrior: number;
  /** Factor of the change of A. */
  readonly sampleScaler: number;
  /** Factor of the divergences in the penalty. */
  readonly klLossWeight: number;
  /** How many draws PEFT makes ahead. Kept for files: here it changes nothing. */
  readonly bufferSize: number;
}

export interface MontecloraConfig extends LoraInTrainingConfig {
  readonly montecloraConfig: MontecloraSampling;
}

export type MontecloraOptions = Partial<Omit<MontecloraConfig, 'montecloraConfig'>> & {
  readonly montecloraConfig?: Partial<MontecloraSampling>;
} & TargetOptions;

const defaults: MontecloraSampling = {
  numSamples: 8,
  useEntropy: false,
  dirichletPrior: 0.1,
  sampleScaler: 1e-4,
  klLossWeight: 1e-5,
  bufferSize: 150,
};
const count = z.int().positive();

export const montecloraVariant: Variant<MontecloraConfig> = {
  ...loraInTraining,
  name: 'monteclora',
  paper: 'Sengupta et al. 2024, https://arxiv.org/abs/2411.04358',
  schema: z
    .strictObject({
      ...loraFields,
      montecloraConfig: peftField(
        z
          .strictObject({
            numSamples: peftField(count.default(defaults.numSamples), 'num_samples'),
            useEntropy: peftField(z.boolean().default(defaults.useEntropy), 'use_entropy'),
            dirichletPrior: peftField(
              z.number().positive().default(defaults.dirichletPrior),
              'dirichlet_prior',
            ),
            sampleScaler: peftField(z.number().default(defaults.sampleScaler), 'sample_scaler'),
            klLossWeight: peftField(z.number().default(defaults.klLossWeight), 'kl_loss_weight'),
            bufferSize: peftField(count.default(defaults.bufferSize), 'buffer_size'),
          })
          .default(defaults),
        'monteclora_config',
      ),
    })
    .refine(allowsItsBias, biasFault),
  traits: {
    ...loraInTraining.traits,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout, montecloraConfig }) =>
      dropout > 0 || montecloraConfig.sampleScaler !== 0,
    parameterCount: (config, shape) =>
      loraInTraining.traits.parameterCount(config, shape) +
      config.rank +
      config.montecloraConfig.numSamples,
  },
  sample: (draw) => ({
    ...loraInTraining.sample(draw),
    montecloraConfig: {
      numSamples: draw.integer(2, 3),
      useEntropy: draw.boolean(),
      dirichletPrior: draw.pick([0.1, 1]),
      sampleScaler: draw.pick([0.2, 0.5]),
      klLossWeight: draw.pick([0.1, 0.3]),
      bufferSize: draw.pick([10, 150]),
    },
  }),
  peft: {
    ...loraFormat,
    mark: { key: 'monteclora_config' },
    keys: (_, config) => ({
      ...loraKeys(config),
      stdPrior: 'lora_monteclora_sampler.std_prior',
      expertWeightsPrior: 'lora_monteclora_sampler.expert_weights_prior',
      gaussianVarPrior: 'lora_monteclora_sampler.gaussian_var_prior',
      expertWeights: 'lora_monteclora_sampler.expert_weights',
    }),
  },

  configAt: patternedAt,

  init: (args) => ({
    ...loraInTraining.init(args),
    stdPrior: uniform(foldIn(args.key, 'stdPrior'), [args.config.rank]),
    expertWeightsPrior: uniform(foldIn(args.key, 'expertWeightsPrior'), [
      args.config.montecloraConfig.numSamples,
    ]),
  }),

  // PEFT's files have its last draw. Nothing reads it here: a draw is of the key of its call.
  frozen(args) {
    const { rank, montecloraConfig } = args.config;
    const { numSamples } = montecloraConfig;
    return {
      ...loraFrozen(args),
      gaussianVarPrior: eye(rank),
      expertWeights: full([numSamples], 1 / numSamples),
    };
  },

  contract(x, args) {
    const { key } = args.context;
    if (key === undefined) return loraInTraining.contract(x, args);
    const { parameters, config, shape } = args;
    const A = parameterOf(parameters, 'A');
    const change = changeFrom(drawFrom(parameters, key), shape.in, key);
    const drawn = cast(mul(change, config.montecloraConfig.sampleScaler), A.dtype);
    return loraInTraining.contract(x, { ...args, parameters: { ...parameters, A: add(A, drawn) } });
  },

  penalty(places, context) {
    if (context === undefined)
      throw new LorikeetError('invalid-argument', 'the penalty of monteclora draws numbers', {
        path: places[0]?.path ?? '',
        hint: 'give adapterPenalty the context that the model is called with',
      });
    const terms = places.map((place) => penaltyOf(place, context));
    return mul(
      terms.reduce((total, term) => add(total, term)),
      1 / terms.length,
    );
  },
};

/**
 * Monte Carlo low-rank adaptation: LoRA whose A is changed in training by a weighted sum of N normal samples, with variances from
 * a Wishart distribution and weights from a Dirichlet one, both of which train. In evaluation it is LoRA.
 *
 * Add `adapterPenalty(model, context)` to the loss, which keeps the distributions near their priors; it draws by the context's
 * key, and is 0 in evaluation.
 */
export function monteclora({
  montecloraConfig,
  ...options
}: MontecloraOptions = {}): Method<MontecloraConfig> {
  return method(montecloraVariant, {
    ...options,
    montecloraConfig: { ...defaults, ...montecloraConfig },
  });
}

function penaltyOf(
  { parameters, config, path, compat }: TrainedPlace<MontecloraConfig>,
  context: Context,
): Tensor {
  const { key } = context.child(path);
  if (key === undefined) return full([], 0);
  const { numSamples, useEntropy, dirichletPrior, klLossWeight } = config.montecloraConfig;
  const { variances, weights } = drawFrom(parameters, key);
  const divergences = [
    dirichletDivergence(parameterOf(parameters, 'expertWeightsPrior'), dirichletPrior, compat),
    wishartDivergence(parameterOf(parameters, 'stdPrior')),
    mul(normalDivergence(variances), numSamples),
  ].reduce((total, divergence) => add(total, divergence));
  const weighed = mul(divergences, klLossWeight);
  return useEntropy ? add(weighed, sum(square(weights))) : weighed;
}
