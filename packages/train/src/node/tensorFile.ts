import { type DType, LorikeetError, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { StoredDType } from '@lorikeet/tensor-core/safetensors';
import { openSafetensors, saveSafetensors } from '@lorikeet/tensor-core/safetensors/node';

/** In what tensors are stored to the same bits. */
const stored = {
  f64: 'F64',
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i32: 'I32',
  u32: 'U32',
  i8: 'I8',
  u8: 'U8',
  bool: 'BOOL',
} as const satisfies Partial<Record<DType, StoredDType>>;

type StorableDType = keyof typeof stored;

const dtypes = new Map(
  Object.entries(stored).map(([dtype, name]) => [name as StoredDType, dtype as StorableDType]),
);

/** Writes tensors to a safetensors file, through to the disk. */
export async function writeTensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const entries = [...tensors].map(
    ([name, leaf]) =>
      [
        name,
        { dtype: storedDType(name, leaf), shape: leaf.shape, data: () => leaf.data() },
      ] as const,
  );
  await saveSafetensors(path, entries);
}

export async function readTensors(path: string): Promise<Map<string, Tensor>> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, Tensor>();
    for (const [name, entry] of file.entries) {
      const dtype = dtypes.get(entry.dtype);
      if (dtype === undefined)
        throw new LorikeetError('invalid-file', `${name} is of type ${entry.dtype}`, { path });
      tensors.set(name, tensor(await file.readAs(name, dtype), entry.shape, dtype));
    }
    return tensors;
  } finally {
    await file.close();
  }
}

function storedDType(path: string, { dtype }: Tensor): StoredDType {
  if (dtype in stored) return stored[dtype as StorableDType];
  throw new LorikeetError('unsupported', `a tensor of ${dtype} cannot be kept in a checkpoint`, {
    path,
  });
}
