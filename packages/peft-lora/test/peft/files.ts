import {
  type AdapterFiles,
  adapterEntries,
  type EncodeOptions,
  encodeAdapter,
} from '@lorikeet/peft-lora';
import type { TensorInMemory } from '@lorikeet/tensor-core/safetensors';
import { fileOf } from '../support.ts';

/** An adapter as it is in its files, to be changed before it is read. */
export interface Files {
  readonly config: Record<string, unknown>;
  readonly entries: Map<string, TensorInMemory>;
}

export async function filesOf(tuned: unknown, options: EncodeOptions = {}): Promise<Files> {
  const { config, tensors } = encodeAdapter(tuned, options);
  return { config: JSON.parse(JSON.stringify(config)), entries: await adapterEntries(tensors) };
}

/** The files with other values in the config. */
export async function withConfig(
  { config, entries }: Files,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<AdapterFiles> {
  return { config: { ...config, ...changes }, tensors: await fileOf(entries) };
}
