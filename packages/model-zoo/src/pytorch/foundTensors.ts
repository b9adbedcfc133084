import { LorikeetError } from '@lorikeet/tensor-core';
import type { ByteSource } from '@lorikeet/tensor-core/safetensors';
import type { FoundTensor } from './asSafetensors.ts';
import { isRowMajor, spanOf, stridedBytes } from './stridedBytes.ts';
import { isTorchTensor, type TorchStorage, type TorchTensor } from './torchPickle.ts';

/** Where a storage is in a file. */
export interface StoragePlace {
  /** Bytes from the start of the file. */
  readonly position: number;
  readonly byteLength: number;
}

const bytesOf: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** NumPy and PyTorch take no more axes than this. */
const maxRank = 64;

/** Bytes of one element of a storage. */
export function elementBytes({ dtype }: TorchStorage): number {
  return bytesOf[dtype] ?? 1;
}

/**
 * The tensors of a state dict: of what was saved, or of what it holds as `model` or `state_dict`, as training programs do.
 *
 * @throws LorikeetError `invalid-file` if there is none, or a tensor is not within its storage.
 */
export function foundTensors(
  content: unknown,
  source: ByteSource,
  placeOf: (storage: TorchStorage) => StoragePlace | undefined,
  file: string,
): ReadonlyMap<string, FoundTensor> {
  const found = new Map<string, FoundTensor>();
  for (const [name, tensor] of stateDictOf(content))
    found.set(name, place(tensor, source, placeOf(tensor.storage), `${file}: ${name}`));
  if (found.size > 0) return found;
  throw new LorikeetError('invalid-file', 'the checkpoint has no tensors', {
    path: file,
    expected: 'a state dict, or a dictionary with one as model or state_dict',
    received: content instanceof Map ? 'a dictionary without tensors' : 'no dictionary',
  });
}

function stateDictOf(content: unknown): (readonly [string, TorchTensor])[] {
  if (!(content instanceof Map)) return [];
  const own = [...content].flatMap(([name, value]) =>
    typeof name === 'string' && isTorchTensor(value) ? [[name, value] as const] : [],
  );
  if (own.length > 0) return own;
  const inner = content.get('model') ?? content.get('state_dict');
  return inner === content ? [] : stateDictOf(inner instanceof Map ? new Map(inner) : undefined);
}

function place(
  { storage, offset, shape, strides }: TorchTensor,
  source: ByteSource,
  where: StoragePlace | undefined,
  path: string,
): FoundTensor {
  const size = elementBytes(storage);
  const span = spanOf(shape, strides);
  const [begin, length] = [offset * size, span * size];
  const isWithin = where !== undefined && begin + length <= where.byteLength;
  const count = shape.reduce((product, side) => product * side, 1);
  // A stride of zero repeats an element: a few bytes could ask for any amount of memory.
  const isOwn = count <= span && shape.length <= maxRank;
  if (!isWithin || !isOwn || !Number.isSafeInteger(begin + length)) {
    throw new LorikeetError('invalid-file', 'a tensor is not within its storage', {
      path,
      expected: `at most ${where?.byteLength ?? 0} bytes, each of one element`,
      received: `${count} elements in bytes ${begin} to ${begin + length}`,
      hint: 'the file is damaged: fetch it again',
    });
  }
  const start = where.position + begin;
  const spec = { dtype: storage.dtype, shape, byteLength: count * size };
  if (isRowMajor(shape, strides))
    return { ...spec, read: (at, wanted) => source.read(start + at, wanted) };
  return {
    ...spec,
    async read(at, wanted) {
      const all = stridedBytes(await source.read(start, length), shape, strides, size);
      return all.subarray(at, at + wanted);
    },
  };
}
