import { z } from 'zod';
import {
  type FrozenArguments,
  type PeftFormat,
  peftField,
  type Tensors,
  type Variant,
} from '../variant.ts';
import { loraVariant } from '../variants/lora.ts';
import { biasOfB } from './biasOfB.ts';
import { frozenOf, refusalOf } from './firstFactors.ts';
import { iterationsOf, type LoraConfig, type LoraInit, namedInits } from './loraConfig.ts';

/** The config of a method that is LoRA in evaluation, and something else besides in training. */
export interface LoraInTrainingConfig
  extends Pick<
    LoraConfig,
    'rank' | 'alpha' | 'dropout' | 'useRslora' | 'loraBias' | 'rankPattern' | 'alphaPattern'
  > {
  /** First values of A and B, as LoRA's; a B that does not train is LoRA's alone. */
  readonly initLoraWeights: Exclude<LoraInit, 'mica'>;
}

const { rank, alpha, dropout, useRslora, loraBias, rankPattern, alphaPattern } =
  loraVariant.schema.shape;

type Fields = {
  readonly [K in keyof LoraInTrainingConfig]: z.ZodType<LoraInTrainingConfig[K]>;
};

/** The fields of such a config. */
export const loraFields: Fields = {
  rank,
  alpha,
  dropout,
  useRslora,
  loraBias,
  rankPattern,
  alphaPattern,
  initLoraWeights: peftField(
    z
      .union(
        [
          z.boolean(),
          z.enum(namedInits).exclude(['mica']),
          z
            .templateLiteral(['pissa_niter_', z.int()])
            .refine((init) => iterationsOf(init) !== undefined),
        ],
        { error: "first values of LoRA, but for 'mica', which is a method of its own" },
      )
      .default(true),
    'init_lora_weights',
  ),
};

/** PEFT has a bias of B with first values of true or false alone. */
export function allowsItsBias({ loraBias, initLoraWeights: init }: LoraInTrainingConfig): boolean {
  return !loraBias || typeof init === 'boolean';
}

/** What is said of another. */
export const biasFault: { readonly error: string; readonly path: string[] } = {
  error: 'the bias of B (lora_bias) needs first values of true or false',
  path: ['loraBias'],
};

/** Options that go together, for the laws. */
const combinations = [
  { initLoraWeights: true, loraBias: true },
  { initLoraWeights: false, loraBias: true },
  { initLoraWeights: true, loraBias: false },
  { initLoraWeights: false, loraBias: false },
  { initLoraWeights: 'gaussian', loraBias: false },
  { initLoraWeights: 'orthogonal', loraBias: false },
  { initLoraWeights: 'pissa', loraBias: false },
  { initLoraWeights: 'pissa_niter_2', loraBias: false },
  { initLoraWeights: 'olora', loraBias: false },
  { initLoraWeights: 'eva', loraBias: false },
  { initLoraWeights: 'corda', loraBias: false },
  { initLoraWeights: 'lora_ga', loraBias: false },
] as const;

type Parts = Required<
  Pick<
    Variant<LoraInTrainingConfig>,
    | 'kinds'
    | 'traits'
    | 'sample'
    | 'init'
    | 'refusal'
    | 'materialize'
    | 'contract'
    | 'lowRank'
    | 'factors'
    | 'bias'
  >
>;

/** The parts of such a variant that are LoRA's. */
export const loraInTraining: Parts = {
  kinds: ['linear'],
  traits: {
    identityAtInit: (config) => loraVariant.traits.identityAtInit(loraOf(config)),
    maxRank: (config) => loraVariant.traits.maxRank(loraOf(config)),
    isRandomAtInit: (config) => loraVariant.traits.isRandomAtInit(loraOf(config)),
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, shape) => loraVariant.traits.parameterCount(loraOf(config), shape),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    useRslora: draw.boolean(),
    ...draw.pick(combinations),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
  }),
  init: (args) => loraVariant.init(asLora(args)),
  refusal: (config, shape) => refusalOf(loraOf(config), shape),
  materialize: (args) => loraVariant.materialize(asLora(args)),
  contract: (x, args) => loraVariant.contract?.(x, asLora(args)) ?? args.product(x),
  lowRank: (args) => loraVariant.lowRank?.(asLora(args)),
  factors: (config) => loraVariant.factors?.(loraOf(config)),
  bias: biasOfB,
};

/** What LoRA keeps of its first values. */
export function loraFrozen<C extends LoraInTrainingConfig>(args: FrozenArguments<C>): Tensors {
  return frozenOf({ ...asLora(args), places: args.places.map(asLora) });
}

/** The arguments as LoRA's. */
export function asLora<A extends { readonly config: LoraInTrainingConfig }>(
  args: A,
): Omit<A, 'config'> & { readonly config: LoraConfig } {
  return { ...args, config: loraOf(args.config) };
}

/** How such a variant is written in PEFT's files, but for its mark and its own tensors. */
export const loraFormat: Pick<PeftFormat, 'type' | 'ignored' | 'inactive' | 'lacks'> = {
  type: 'LORA',
  ignored: loraVariant.peft?.ignored ?? [],
  inactive: { ...loraVariant.peft?.inactive, use_dora: false },
  // PEFT has one method at a time for a LoRA.
  lacks: ['alora_invocation_tokens'],
};

/** The ends of the keys of LoRA's own tensors. */
export function loraKeys(config: LoraInTrainingConfig): Readonly<Record<string, string>> {
  return loraVariant.peft?.keys('linear', loraOf(config)) ?? {};
}

function loraOf(config: LoraInTrainingConfig): LoraConfig {
  const { rank, alpha, dropout, useRslora, loraBias, rankPattern, alphaPattern } = config;
  const { initLoraWeights } = config;
  const own = { rank, alpha, dropout, useRslora, loraBias, rankPattern, alphaPattern };
  return { ...own, initLoraWeights, useDora: false };
}
