import { adapterLaws, describeLaws, moduleAdapterLaws } from '@lorikeet/laws';
import { moduleVariants, variants } from '@lorikeet/peft-lora';
import { describe, test } from 'vitest';

const parts = 4;

/** Registers the laws of every fourth method, from one on: as files of their own they run side by side. */
export function describePart(part: number): void {
  const methods = [
    ...variants.map((variant) => [variant.name, adapterLaws(variant)] as const),
    ...moduleVariants.map((variant) => [variant.name, moduleAdapterLaws(variant)] as const),
  ];
  for (const [i, [name, laws]] of methods.entries())
    if (i % parts === part) describeLaws(name, laws, { describe, test });
}
