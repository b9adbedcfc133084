import { allocateArray, type DType, isPacked, type TypedArray } from '../dtype.ts';
import { LorikeetError } from '../errors.ts';
import { storeNumbers, toNumbers } from './convert.ts';
import { formatPlace, type Place } from './fault.ts';
import type { PlacedEntry } from './header.ts';
import { type ByteSource, chunkBytes, readExactly } from './source.ts';
import { isSameBits, type StoredArray, storageOf, storedBits } from './storedDType.ts';

/** The elements of `entry` as they are stored; `offset` is where its bytes are in the source. */
export async function readStored(
  source: ByteSource,
  offset: number,
  entry: PlacedEntry,
  place: Place,
): Promise<StoredArray> {
  if (entry.dtype === 'BOOL') return readAsDType(source, offset, entry, 'bool', place);
  const Storage = storageOf(entry.dtype, place);
  const stored = allocate(place, () => new Storage(elementsOf(entry)));
  await fill(source, offset, stored, place);
  return stored;
}

/** The elements of `entry` as what a tensor of type `dtype` is stored in. */
export async function readAsDType(
  source: ByteSource,
  offset: number,
  entry: PlacedEntry,
  dtype: DType,
  place: Place,
): Promise<TypedArray> {
  storageOf(entry.dtype, place);
  if (isPacked(dtype)) {
    throw new LorikeetError('unsupported', `stored data cannot be read as ${dtype}`, {
      path: formatPlace(place),
      hint: 'read it as u8 or i8, and cast',
    });
  }
  const target = allocate(place, () => allocateArray(dtype, elementsOf(entry)));
  if (isSameBits(entry.dtype, dtype)) {
    await fill(source, offset, target, place);
    return target;
  }
  let done = 0;
  await eachChunk(source, offset, entry.byteLength, place, (bytes) => {
    const numbers = toNumbers(entry.dtype, bytes, place);
    storeNumbers(dtype, numbers, target.subarray(done, done + numbers.length), place);
    done += numbers.length;
  });
  return target;
}

function elementsOf({ byteLength, dtype }: PlacedEntry): number {
  return (byteLength * 8) / storedBits(dtype);
}

async function fill(
  source: ByteSource,
  offset: number,
  target: StoredArray,
  place: Place,
): Promise<void> {
  const bytes = new Uint8Array(target.buffer);
  await eachChunk(source, offset, bytes.length, place, (chunk, at) => bytes.set(chunk, at));
}

/** Hands `length` bytes from `offset` to `use`, a chunk of whole elements at a time. */
async function eachChunk(
  source: ByteSource,
  offset: number,
  length: number,
  place: Place,
  use: (bytes: Uint8Array, at: number) => void,
): Promise<void> {
  for (let at = 0; at < length; at += chunkBytes) {
    const count = Math.min(chunkBytes, length - at);
    use(await readExactly(source, offset + at, count, place), at);
  }
}

/** The file is as large as it says, yet its tensor may be too large for this machine. */
function allocate<Stored extends StoredArray>(place: Place, make: () => Stored): Stored {
  try {
    return make();
  } catch (cause) {
    throw new LorikeetError('unsupported', 'a tensor is too large for the memory of this process', {
      path: formatPlace(place),
      hint: 'read a smaller checkpoint, or on a machine with more memory',
      cause,
    });
  }
}
