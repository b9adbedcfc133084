import type { ByteSource } from '@lorikeet/tensor-core/safetensors';

/** A file with this header (text, or an object that becomes JSON) and so many bytes of data. */
export function fileByHand(header: unknown, dataBytes = 0): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

/** A source that says it has `size` bytes, gives zeros past `bytes`, and notes what is read. */
export function spySource(bytes: Uint8Array, size: number = bytes.length): SpySource {
  const reads: { offset: number; length: number }[] = [];
  const spy = {
    size,
    reads,
    isClosed: false,
    async read(offset: number, length: number): Promise<Uint8Array> {
      reads.push({ offset, length });
      const part = new Uint8Array(length);
      part.set(bytes.subarray(offset, offset + length));
      return part;
    },
    async close(): Promise<void> {
      spy.isClosed = true;
    },
  };
  return spy;
}

export interface SpySource extends ByteSource {
  readonly reads: readonly { readonly offset: number; readonly length: number }[];
  readonly isClosed: boolean;
}
