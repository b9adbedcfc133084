import { join } from 'node:path';
import { type DecodeOptions, decodeAdapter, type TensorSource } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { z } from 'zod';
import { readJson } from '../readJson.ts';

const randomInit = z.looseObject({ init_lora_weights: z.string().regex(/^pissa_niter_\d+$/) });

/**
 * Loads the adapter of a case. Of PiSSA with a randomised decomposition PEFT's file does not hold what was taken out of the
 * weight, and the case has values of the adapter as it was created: so that part is the file's own product.
 */
export async function loadAsCreated<T>(
  base: T,
  dir: string,
  options: DecodeOptions = {},
): Promise<T> {
  const config = await readJson(join(dir, 'adapter_config.json'));
  if (!randomInit.safeParse(config).success) return loadAdapter(base, dir, options);
  const file = await openSafetensors(join(dir, 'adapter_model.safetensors'));
  try {
    return await decodeAdapter(base, { config, tensors: withFirst(file) }, options);
  } finally {
    await file.close();
  }
}

/** The factors once more under the names of those that were taken out. */
function withFirst(file: TensorSource): TensorSource {
  const first = (name: string): string => name.replace(/\.weight$/, '.first');
  const own = (name: string): string => name.replace(/\.first$/, '.weight');
  const entries = new Map(file.entries);
  for (const [name, entry] of file.entries) entries.set(first(name), entry);
  return {
    name: file.name,
    entries,
    readAs: (name, dtype) => file.readAs(own(name), dtype),
  };
}
