import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { openFairseq } from './openFairseq.ts';
import { openPytorch } from './openPytorch.ts';
import { readJsonFile } from './readJsonFile.ts';

/** What a model is made from. */
export interface OpenCheckpoint {
  /** The content of `config.json`. */
  readonly config: unknown;
  readonly tensors: SafetensorsFile;
}

/** How folders hold their weights, the one that is read first if there are several. */
const formats: readonly (readonly [
  name: string,
  open: (path: string) => Promise<SafetensorsFile>,
])[] = [
  ['model.safetensors', openSafetensors],
  ['model.safetensors.index.json', openSafetensors],
  ['pytorch_model.bin', openPytorch],
  ['pytorch_model.bin.index.json', openPytorch],
];

/**
 * Opens a model's folder: of transformers, with safetensors or with what `torch.save` wrote, or of fairseq, which has no
 * `config.json`. Throws `invalid-file`.
 */
export async function openCheckpoint(dir: string): Promise<OpenCheckpoint> {
  const has = async (name: string): Promise<boolean> =>
    (await stat(join(dir, name)).catch(() => undefined)) !== undefined;
  if ((await has('model.pt')) && !(await has('config.json'))) return await openFairseq(dir);
  const config = await readJsonFile(join(dir, 'config.json'), 'the config of the model');
  for (const [name, open] of formats)
    if (await has(name)) return { config, tensors: await open(join(dir, name)) };
  // This names what a folder should have.
  return { config, tensors: await openSafetensors(dir) };
}
