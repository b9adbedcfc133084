/** Models in folders, in Node. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { paths } from '@lorikeet/nn';
import { evaluate, LorikeetError } from '@lorikeet/tensor-core';
import { openSafetensors, saveSharded } from '@lorikeet/tensor-core/safetensors/node';
import { type LoadOptions, loadModel } from './loadModel.ts';
import type { Model } from './model.ts';

/**
 * Loads a model from a Hugging Face folder: `config.json`, and the weights in one safetensors file or several
 * with an index. Throws as `loadModel` does, and `invalid-file`.
 *
 * @example
 * const model = await load('bert-base-uncased', { allowMissing: ['classifier.*'] });
 */
export async function load(dir: string, options: LoadOptions = {}): Promise<Model> {
  const config = await readConfig(join(dir, 'config.json'));
  const tensors = await openSafetensors(dir);
  try {
    return await loadModel({ config, tensors }, options);
  } finally {
    await tensors.close();
  }
}

/** Saves a model as a Hugging Face folder: `config.json` and safetensors in f32, tied weights once. */
export async function save(model: Model, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await evaluate(model);
  const tensors = paths(model).map(
    ([name, leaf]) =>
      [
        name,
        {
          dtype: 'F32' as const,
          shape: leaf.shape,
          data: async () => Float32Array.from(await leaf.data()),
        },
      ] as const,
  );
  await saveSharded(dir, tensors, { metadata: [['format', 'pt']] });
  await writeFile(join(dir, 'config.json'), `${JSON.stringify(model.config, null, 2)}\n`);
}

async function readConfig(path: string): Promise<unknown> {
  const fault = (cause: unknown): LorikeetError =>
    new LorikeetError('invalid-file', 'the config of the model cannot be read', {
      path,
      expected: 'a config.json as Hugging Face writes it',
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw fault(cause);
  }
}
