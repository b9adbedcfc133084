/** Adapters in folders, in Node. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluate, LorikeetError } from '@lorikeet/tensor-core';
import { openSafetensors, saveSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { type DecodeOptions, decodeAdapter } from './peft/decodeAdapter.ts';
import { type EncodeOptions, encodeAdapter } from './peft/encodeAdapter.ts';

const configName = 'adapter_config.json';
const weightsName = 'adapter_model.safetensors';

/**
 * Puts the adapter in a folder of Hugging Face PEFT on its base model. Throws as `decodeAdapter` does, and
 * `invalid-file`.
 *
 * @example
 * const tuned = await loadAdapter(model, 'spam-lora');
 */
export async function loadAdapter<T>(
  model: T,
  dir: string,
  options: DecodeOptions = {},
): Promise<T> {
  const config = await readConfig(join(dir, configName));
  const tensors = await openSafetensors(join(dir, weightsName));
  try {
    return await decodeAdapter(model, { config, tensors }, options);
  } finally {
    await tensors.close();
  }
}

/**
 * Saves one adapter as PEFT does: the one named `default` in `dir` itself, any other in a folder of its name.
 * The config is written last, so that a folder with a config is whole. Throws as `encodeAdapter` does.
 *
 * @returns the folder that was written.
 */
export async function saveAdapter(
  tuned: unknown,
  dir: string,
  options: EncodeOptions = {},
): Promise<string> {
  const { config, tensors } = encodeAdapter(tuned, options);
  const { name = 'default' } = options;
  const folder = name === 'default' ? dir : join(dir, name);
  await mkdir(folder, { recursive: true });
  await evaluate([...tensors.values()]);
  const entries = [...tensors].map(
    ([key, leaf]) =>
      [
        key,
        {
          dtype: 'F32' as const,
          shape: leaf.shape,
          data: async () => Float32Array.from(await leaf.data()),
        },
      ] as const,
  );
  await saveSafetensors(join(folder, weightsName), entries, [['format', 'pt']]);
  const staged = join(folder, `.${configName}.tmp`);
  await writeFile(staged, `${JSON.stringify(config, null, 2)}\n`);
  await rename(staged, join(folder, configName));
  return folder;
}

async function readConfig(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new LorikeetError('invalid-file', 'the config of the adapter cannot be read', {
      path,
      expected: 'an adapter_config.json as Hugging Face PEFT writes it',
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
