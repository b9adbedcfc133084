import { type DType, type Tensor, tensor } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';

/** Numbers that are kept as they are stored; others become f32. */
const kept: Readonly<Record<string, DType>> = { F64: 'f64', F16: 'f16', BF16: 'bf16' };

/** The tensors of a file or a folder, and what the file says of them. */
export async function readTensors(path: string): Promise<{
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
}> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, Tensor>();
    for (const [name, { shape, dtype: stored }] of file.entries) {
      const dtype = kept[stored] ?? 'f32';
      tensors.set(name, tensor(await file.readAs(name, dtype), shape, dtype));
    }
    return { tensors, metadata: file.metadata };
  } finally {
    await file.close();
  }
}
