import { adapterEntries, decodeAdapter, encodeAdapter, type Variant } from '@lorikeet/peft-lora';
import { isFloat, mapTensors } from '@lorikeet/tensor-core';
import { bytesSource, encodeSafetensors, readSafetensors } from '@lorikeet/tensor-core/safetensors';
import { settingsOf } from './adapterCase.ts';
import type { Probe } from './probe.ts';

/** The adapter of a model, written to a file of bytes and read from it onto another model. */
export async function throughFile<C>(
  tuned: Probe,
  base: Probe,
  variant: Variant<C>,
): Promise<Probe> {
  const { config, tensors } = encodeAdapter(tuned);
  const entries = await adapterEntries(tensors);
  const file = await readSafetensors(bytesSource(encodeSafetensors(entries)));
  const text = JSON.parse(JSON.stringify(config));
  return await decodeAdapter(
    base,
    { config: text, tensors: file },
    { variants: [variant as Variant] },
  );
}

/** In f32, as files are. */
export function inSingle(model: Probe): Probe {
  return mapTensors(model, (leaf) => (isFloat(leaf.dtype) ? leaf.cast('f32') : leaf));
}

/** Whether a file has the parameters themselves, and nothing that stands for them. */
export function isStoredWhole<C>({ peft }: Variant<C>, tuned: Probe): boolean {
  return settingsOf(tuned).every(
    ({ config, shape }) => peft?.stored?.(config as C, shape) === undefined,
  );
}
