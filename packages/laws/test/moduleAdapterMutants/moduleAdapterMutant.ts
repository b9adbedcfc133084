import { bottleneckVariant } from '@lorikeet/peft-lora';

export type Bottleneck = typeof bottleneckVariant;

/** A mistake, the variant that makes it, and the names of the laws that must find it. */
export type ModuleAdapterMutant = readonly [
  mistake: string,
  variant: Bottleneck,
  ...killers: string[],
];

/** The bottleneck adapter with some of its parts exchanged. */
export function mutant(
  mistake: string,
  change: Partial<Bottleneck>,
  ...killers: string[]
): ModuleAdapterMutant {
  return [mistake, { ...bottleneckVariant, ...change }, ...killers];
}

export const laws = {
  base: 'leaves every tensor of the base as it is, and gives them back when disabled',
  start: 'starts as the base exactly where its trait says so',
  single: 'computes in f32 what it computes in f64, in outputs and in gradients',
  key: 'is made by its key alone',
  count: 'has as many parameters as its closed form says',
  reach: 'sends a gradient to each of its parameters, and trains nothing of the base',
  gradient: 'has gradients that equal differences',
  random: 'draws random numbers in training only, and only if its trait says so',
  rows: 'gives for a batch what it gives for its rows one by one, but where its trait denies it',
  merge: 'is refused by merge',
  config: 'heeds every option of its config',
  file: 'gives the same after it was saved and loaded',
} as const;
