import { join } from 'node:path';
import { load } from '@lorikeet/model-zoo/node';
import { type DecodeOptions, shadowOf } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { z } from 'zod';
import { readJson } from './readJson.ts';

const named = z.looseObject({ peft_type: z.literal('SHADOW'), shadow_model: z.string() });

/**
 * A model with an adapter. The small model that the config of a shadow names is loaded too: a path from the working directory, or
 * the name of a model on a hub. Throws as `load` and `loadAdapter` do.
 */
export async function loadTuned<T>(base: T, dir: string, options: DecodeOptions = {}): Promise<T> {
  const { data } = named.safeParse(await readJson(join(dir, 'adapter_config.json')));
  if (data === undefined || data.shadow_model === 'mirror') return loadAdapter(base, dir, options);
  const moduleVariants = [shadowOf(await load(data.shadow_model))];
  return loadAdapter(base, dir, { ...options, moduleVariants });
}
