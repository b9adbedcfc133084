import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from '@lorikeet/model-zoo/node';
import { loadAdapter, loadWithoutBase } from '@lorikeet/peft-lora/node';
import { LorikeetError } from '@lorikeet/tensor-core';
import { readJson } from './readJson.ts';

/** Whether a path is a folder. Throws `invalid-file` for what is not there. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw new LorikeetError('invalid-file', `cannot read '${path}'`, {
        received: cause instanceof Error ? cause.message : String(cause),
        cause,
      });
    },
  );
}

/** The config in the folder of an adapter. Throws `invalid-file` for a folder that holds none, or no config. */
export async function adapterConfig(dir: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(dir, 'adapter_config.json');
  const config = (await isFolder(dir)) ? await readJson(path) : undefined;
  if (typeof config === 'object' && config !== null && !Array.isArray(config))
    return Object.fromEntries(Object.entries(config));
  throw new LorikeetError('invalid-file', `'${dir}' holds no adapter`, {
    expected: 'a folder with adapter_config.json and adapter_model.safetensors',
    received: config === undefined ? 'no adapter_config.json' : JSON.stringify(config).slice(0, 60),
  });
}

/** An adapter on its base model or, without one, by itself. */
export async function openAdapter(dir: string, base: string | undefined): Promise<unknown> {
  await adapterConfig(dir);
  return base === undefined ? loadWithoutBase(dir) : loadAdapter(await load(base), dir);
}
