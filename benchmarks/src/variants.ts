import {
  bdLora,
  type EncodeOptions,
  encodeAdapter,
  lora,
  type Method,
  method,
  variants,
} from '@lorikeet/peft-lora';
import { LorikeetError } from '@lorikeet/tensor-core';

/** Configs that PEFT's defaults do not make: kinds of LoRA, and what has no default. */
const special: Readonly<Record<string, (rank: number) => Method>> = {
  lora: (rank) => lora({ rank, alpha: 2 * rank }),
  dora: (rank) => lora({ rank, alpha: 2 * rank, useDora: true }),
  rslora: (rank) => lora({ rank, alpha: 2 * rank, useRslora: true }),
  pissa: (rank) => lora({ rank, alpha: 2 * rank, initLoraWeights: 'pissa_niter_4' }),
  // The empty text is a part of every path.
  bdLora: (rank) =>
    bdLora({ rank, alpha: 2 * rank, useBdlora: { targetModulesBdA: [''], nblocks: 4 } }),
  adalora: (rank) =>
    variantNamed('adalora', { initRank: rank, targetRank: rank, totalSteps: 1000 }),
};

/** All methods for a linear layer that PEFT has, too. */
export const variantNames: readonly string[] = [
  ...new Set([
    ...Object.keys(special),
    ...variants
      .filter(({ kinds, peft }) => peft && kinds.includes('linear'))
      .map(({ name }) => name),
  ]),
];

/** The method of that name: PEFT's defaults, but for the rank where it has one. */
export function methodNamed(name: string, rank: number): Method {
  return special[name]?.(rank) ?? variantNamed(name, { rank });
}

/** The config of the one adapter of a model, as PEFT reads it. */
export function peftConfigOf(
  tuned: unknown,
  options: EncodeOptions = {},
): Readonly<Record<string, unknown>> {
  return encodeAdapter(tuned, options).config;
}

function variantNamed(name: string, options: Readonly<Record<string, unknown>>): Method {
  const variant = variants.find((one) => one.name === name);
  if (variant === undefined) throw new LorikeetError('internal', `no variant '${name}'`);
  const own = Object.entries(options).filter(([field]) => field in variant.schema.shape);
  return method(variant, Object.fromEntries(own));
}
