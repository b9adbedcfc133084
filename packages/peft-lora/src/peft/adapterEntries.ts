import { type DType, evaluate, type Tensor } from '@lorikeet/tensor-core';
import type { StoredDType, TensorInMemory } from '@lorikeet/tensor-core/safetensors';

/** What is not kept in f32 is of a base model that is not, or counts. */
const storedDTypes: Partial<Record<DType, StoredDType>> = {
  f64: 'F64',
  f16: 'F16',
  bf16: 'BF16',
  i32: 'I32',
  u8: 'U8',
};

/**
 * The tensors of an encoded adapter with their data, for `encodeSafetensors` or `writeSafetensors`. PEFT expects
 * the metadata `format: pt` beside them.
 *
 * @example
 * const { config, tensors } = encodeAdapter(tuned);
 * const bytes = encodeSafetensors(await adapterEntries(tensors), [['format', 'pt']]);
 */
export async function adapterEntries(
  tensors: ReadonlyMap<string, Tensor>,
): Promise<Map<string, TensorInMemory>> {
  await evaluate([...tensors.values()]);
  const entries = new Map<string, TensorInMemory>();
  for (const [key, tensor] of tensors) {
    const dtype = storedDTypeOf(tensor);
    const data = await tensor.data();
    const isStored = dtype !== 'F32' || data instanceof Float32Array;
    entries.set(key, {
      dtype,
      shape: tensor.shape,
      data: isStored ? data : Float32Array.from(data),
    });
  }
  return entries;
}

/** In which dtype a tensor of an adapter is stored. */
export function storedDTypeOf({ dtype }: Tensor): StoredDType {
  return storedDTypes[dtype] ?? 'F32';
}
