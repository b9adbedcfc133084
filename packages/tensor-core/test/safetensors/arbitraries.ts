import type { StoredArray, StoredDType, TensorInMemory } from '@lorikeet/tensor-core/safetensors';
import fc from 'fast-check';

interface ElementStorage {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): StoredArray;
}

/** The dtypes that can be read and written, and what their elements are held in. */
const storages: ReadonlyMap<StoredDType, ElementStorage> = new Map<StoredDType, ElementStorage>([
  ['U64', BigUint64Array],
  ['I64', BigInt64Array],
  ['F64', Float64Array],
  ['F32', Float32Array],
  ['U32', Uint32Array],
  ['I32', Int32Array],
  ['BF16', Uint16Array],
  ['F16', Uint16Array],
  ['U16', Uint16Array],
  ['I16', Int16Array],
  ['I8', Int8Array],
  ['U8', Uint8Array],
  ['BOOL', Uint8Array],
]);

/** A tensor of any dtype and shape, scalar and empty ones too, of any bits. */
function tensors(): fc.Arbitrary<TensorInMemory> {
  return fc
    .record({
      stored: fc.constantFrom(...storages),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
      seed: fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
    })
    .map(({ stored: [dtype, Storage], shape, seed }) => {
      const elements = shape.reduce((product, side) => product * side, 1);
      const bytes = new Uint8Array(elements * Storage.BYTES_PER_ELEMENT);
      for (let i = 0; i < bytes.length; i++) {
        const byte = seed.next().value ?? 0;
        bytes[i] = dtype === 'BOOL' ? byte % 2 : byte;
      }
      return { dtype, shape, data: new Storage(bytes.buffer) };
    });
}

/** Names as they come, and those that JavaScript or JSON might trip over. */
const names: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(
      '',
      '__proto__',
      'constructor',
      'toString',
      '10',
      '9',
      'a"b\\c',
      '\u0000',
      '𝄞',
      '\uffff',
    ),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme-ascii' }),
  )
  .filter((name) => name !== '__metadata__');

/** A checkpoint: named tensors, and metadata. */
export const checkpoints: fc.Arbitrary<{
  readonly tensors: Map<string, TensorInMemory>;
  readonly metadata: Map<string, string>;
}> = fc.record({
  tensors: fc
    .uniqueArray(fc.tuple(names, tensors()), { selector: ([name]) => name, maxLength: 6 })
    .map((pairs) => new Map(pairs)),
  metadata: fc
    .uniqueArray(fc.tuple(names, fc.string()), { selector: ([name]) => name, maxLength: 3 })
    .map((pairs) => new Map(pairs)),
});

export function bytesOf({ buffer, byteOffset, byteLength }: StoredArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
