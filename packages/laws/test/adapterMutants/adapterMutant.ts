import { type LoraConfig, loraVariant, type Variant } from '@lorikeet/peft-lora';

export type Lora = Variant<LoraConfig>;

/** A variant with a mistake, and the laws that must find it. */
export interface Mutant {
  readonly mistake: string;
  readonly variant: Lora;
  readonly killers: readonly string[];
}

/** LoRA with some of its parts exchanged. */
export function mutant(mistake: string, change: Partial<Lora>, ...killers: string[]): Mutant {
  return { mistake, variant: { ...loraVariant, ...change }, killers };
}

/** Arguments with a change of the config. */
export function withConfig<A extends { readonly config: LoraConfig }>(
  args: A,
  change: Partial<LoraConfig>,
): A {
  return { ...args, config: { ...args.config, ...change } };
}

/** LoRA that sees another config wherever it computes, first values included. */
export function computingWith(change: Partial<LoraConfig>): Partial<Lora> {
  const { contract, gather, convolve, contractExperts, bias, lowRank, frozen, factors } = lora;
  return {
    init: (args) => lora.init(withConfig(args, change)),
    frozen: (args) => frozen(withConfig(args, change)),
    factors: (config) => factors({ ...config, ...change }),
    lowRank: (args) => lowRank(withConfig(args, change)),
    materialize: (args) => lora.materialize(withConfig(args, change)),
    contract: (x, args) => contract(x, withConfig(args, change)),
    gather: (ids, args) => gather(ids, withConfig(args, change)),
    convolve: (x, args) => convolve(x, withConfig(args, change)),
    contractExperts: (x, args) => contractExperts(x, withConfig(args, change)),
    bias: {
      ...bias,
      materialize: (base, args) => bias.materialize(base, withConfig(args, change)),
    },
  };
}

const parts = [
  'contract',
  'gather',
  'convolve',
  'contractExperts',
  'bias',
  'peft',
  'configAt',
  'lowRank',
  'frozen',
  'factors',
] as const;

/** LoRA with the parts that a variant may lack but this one has. */
export const lora: CompleteLora = complete(loraVariant);

type CompleteLora = Lora & Required<Pick<Lora, (typeof parts)[number]>>;

function complete(variant: Lora): CompleteLora {
  if (isComplete(variant)) return variant;
  throw new Error('lora has lost a part');
}

function isComplete(variant: Lora): variant is CompleteLora {
  return parts.every((part) => variant[part] !== undefined);
}

export const laws = {
  base: 'leaves every tensor of the base as it is, and gives them back when disabled',
  start: 'starts as the base exactly where its trait says so',
  forms: 'gives in its fast forms what its meaning gives',
  single: 'computes in f32 what it computes in f64, in outputs and in gradients',
  merged: 'merged gives the same output, and the same gradient of the input',
  mix: 'mixes in a straight line from the base to itself',
  stack: 'stacks: on an adapted weight it does what it does on the merged one',
  commute: 'commutes with an adapter in another place',
  reach: 'sends a gradient to each of its parameters, and trains nothing of the base',
  gradient: 'has gradients that equal differences',
  random: 'draws random numbers in training only, and only if its trait says so',
  count: 'has as many parameters as its closed form says',
  rank: 'changes a weight by no more than its rank',
  key: 'is made by its key alone',
  config: 'heeds every option of its config',
  file: 'is the same after it was saved and loaded',
  angles: 'keeps the angles between the rows of a weight, where its trait says so',
  batch: 'gives each row of a batch what its own adapter alone gives it, in gradients too',
  invoked: 'is the base to the bit before its invocation, and itself from there on',
  packed: 'works on a quantised base as on what that stands for, and leaves it packed',
  requantised: 'merges into a quantised base within its bound, and is saved without the base',
  bound: 'merges within the bound that it states, in f32 and in half floats',
} as const;
