import type { DType } from '../dtype.ts';
import { encode } from '../encoding.ts';
import { LorikeetError } from '../errors.ts';
import { formatPlace } from './fault.ts';
import { chunkBytes } from './source.ts';
import { type StoredArray, type StoredDType, storageOf, storedBits } from './storedDType.ts';
import { byteLengthOf, type Named, safetensorsHeader, type TensorSpec } from './writeLayout.ts';

/** A tensor to write whose data is there. */
export interface TensorInMemory extends TensorSpec {
  /**
   * The elements, row-major, in what `read` gives for the dtype (`Uint8Array` of 0 and 1 for `BOOL`).
   * For `F16` and `BF16`, a `Float32Array` is rounded to nearest, ties to even.
   */
  readonly data: StoredArray;
}

/** A tensor to write whose data may be fetched only when its turn comes. */
export interface TensorToWrite extends TensorSpec {
  readonly data: StoredArray | (() => StoredArray | Promise<StoredArray>);
}

/** Where a file's bytes go, in order. */
export interface ByteSink {
  /** Takes `bytes`, which are good only until the promise resolves. */
  write(bytes: Uint8Array): Promise<void> | void;
}

/**
 * Writes a safetensors file to `sink`, one tensor at a time: the data of a tensor is asked for when
 * its turn comes, and may be dropped before the next one's is asked for. The same tensors and
 * metadata give the same bytes. Throws `invalid-argument` for data that does not fit its dtype and
 * shape; what was written by then is no whole file.
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: Named<TensorToWrite>,
  metadata: Named<string> = [],
): Promise<void> {
  const layout = safetensorsHeader(tensors, metadata);
  await sink.write(layout.header);
  for (const [name, tensor] of layout.tensors) {
    const data = typeof tensor.data === 'function' ? await tensor.data() : tensor.data;
    for (const piece of piecesOf(name, tensor, data)) await sink.write(piece);
  }
}

/** The bytes of a safetensors file. Throws as `writeSafetensors` does. */
export function encodeSafetensors(
  tensors: Named<TensorInMemory>,
  metadata: Named<string> = [],
): Uint8Array {
  const layout = safetensorsHeader(tensors, metadata);
  const file = new Uint8Array(layout.byteLength);
  file.set(layout.header);
  let at = layout.header.length;
  for (const [name, tensor] of layout.tensors) {
    for (const piece of piecesOf(name, tensor, tensor.data)) {
      file.set(piece, at);
      at += piece.length;
    }
  }
  return file;
}

/** The bytes of one tensor, in pieces of at most a chunk. */
function* piecesOf(name: string, spec: TensorSpec, data: StoredArray): Generator<Uint8Array> {
  requireFit(name, spec, data);
  const rounding = data instanceof Float32Array ? roundings[spec.dtype] : undefined;
  const step = chunkBytes / data.BYTES_PER_ELEMENT;
  for (let at = 0; at < data.length; at += step) {
    const part = data.subarray(at, at + step);
    const { buffer, byteOffset, byteLength } =
      rounding && part instanceof Float32Array ? encode(rounding, part) : part;
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
}

/** What a `Float32Array` is rounded to on its way to the file. */
const roundings: Partial<Record<StoredDType, DType>> = { F16: 'f16', BF16: 'bf16' };

function requireFit(name: string, spec: TensorSpec, data: StoredArray): void {
  const place = { file: 'safetensors file to write', tensor: name };
  const Storage = storageOf(spec.dtype, place);
  const isRounded = spec.dtype in roundings && data instanceof Float32Array;
  const elements = (byteLengthOf(name, spec) * 8) / storedBits(spec.dtype);
  if ((data instanceof Storage || isRounded) && data.length === elements) return;
  const kinds = spec.dtype in roundings ? `${Storage.name} or Float32Array` : Storage.name;
  throw new LorikeetError('invalid-argument', 'the data does not fit the dtype and shape', {
    path: formatPlace(place),
    expected: `${kinds} of length ${elements}, for ${spec.dtype} of shape [${spec.shape.join(',')}]`,
    received: `${data.constructor.name} of length ${data.length}`,
  });
}
