import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { openPytorch, pytorchIn } from './pytorch/openPytorch.ts';

/** The tensors of a model's folder: safetensors if it has them, else what `torch.save` wrote. Throws `invalid-file`. */
export async function openCheckpoint(dir: string): Promise<SafetensorsFile> {
  const names = ['model.safetensors', 'model.safetensors.index.json'];
  const found = await Promise.all(
    names.map((name) => stat(join(dir, name)).catch(() => undefined)),
  );
  const pytorch = found.every((one) => one === undefined) ? await pytorchIn(dir) : undefined;
  // Without either, this names what a folder should have.
  return pytorch === undefined ? await openSafetensors(dir) : await openPytorch(pytorch);
}
