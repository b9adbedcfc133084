import {
  adapterLaws,
  describeLaws,
  moduleAdapterLaws,
  singleAdapterLaws,
  singleModuleAdapterLaws,
} from '@lorikeet/laws';
import { moduleVariants, variants } from '@lorikeet/peft-lora';
import { describe, test } from 'vitest';

const parts = 4;

/** On a GPU what is f64 runs on the host, as it did on the reference. */
const isSingle = process.env.LORIKEET_BACKEND === 'webgpu';
const [weightLaws, moduleLaws] = isSingle
  ? [singleAdapterLaws, singleModuleAdapterLaws]
  : [adapterLaws, moduleAdapterLaws];

/** Registers the laws of every fourth method, from one on: as files of their own they run side by side. */
export function describePart(part: number): void {
  const methods = [
    ...variants.map((variant) => [variant.name, weightLaws(variant)] as const),
    ...moduleVariants.map((variant) => [variant.name, moduleLaws(variant)] as const),
  ];
  for (const [i, [name, laws]] of methods.entries())
    if (i % parts === part) describeLaws(name, laws, { describe, test });
}
