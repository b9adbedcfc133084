import { fileURLToPath } from 'node:url';
import { Conv1D, Embedding, LayerNorm, Linear } from '@lorikeet/nn';
import { type Tensor, tensor } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';

/** A folder of the small copy of PyTorch's reference values. */
export function goldenPath(...names: readonly string[]): string {
  return fileURLToPath(new URL(`../golden/${names.join('/')}`, import.meta.url));
}

/** All tensors of a file. */
export async function readAll(file: SafetensorsFile): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape }] of file.entries)
    tensors.set(name, tensor(await file.readAs(name, 'f32'), shape));
  return tensors;
}

type Branch = { [name: string]: Branch | Linear | Conv1D | Embedding | LayerNorm };

/** A tree with the modules of a checkpoint at their paths; it cannot be called. */
export async function goldenModel(name: string): Promise<Branch> {
  const file = await openSafetensors(goldenPath('models', name, 'model.safetensors'));
  const tensors = await readAll(file);
  await file.close();
  const root: Branch = {};
  for (const [key, weight] of tensors) {
    if (!key.endsWith('.weight')) continue;
    const path = key.slice(0, -'.weight'.length);
    const names = path.split('.');
    let branch = root;
    for (const step of names.slice(0, -1)) {
      branch[step] ??= {};
      branch = branch[step] as Branch;
    }
    branch[names.at(-1) ?? ''] = moduleOf(path, weight, tensors.get(`${path}.bias`));
  }
  return root;
}

function moduleOf(path: string, weight: Tensor, bias: Tensor | undefined): Branch[string] {
  if (bias === undefined) return new Embedding(weight);
  if (/(LayerNorm|ln_\w)$/.test(path)) return new LayerNorm(weight, bias, 1e-12);
  return /\.c_\w+$/.test(path) ? new Conv1D(weight, bias) : new Linear(weight, bias);
}
