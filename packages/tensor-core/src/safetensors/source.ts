import { LorikeetError } from '../errors.ts';
import { invalidFile, type Place } from './fault.ts';

/** Bytes that can be read in any order: a file, a blob, a range of a URL. */
export interface ByteSource {
  /** Number of bytes. */
  readonly size: number;
  /**
   * The `length` bytes from `offset`. They may be a view, so the caller must not write to them.
   * Fewer come only if the source has been cut short since, which the reader reports. Throws
   * `invalid-argument` if the range is not inside the source.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** At most this much is held besides the tensor that is being read or written. */
export const chunkBytes: number = 1 << 20;

/** A source of the bytes in memory, without a copy. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    async read(offset, length) {
      requireRange(bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A source of a browser's `Blob` or `File`; only what is asked for is read. */
export function blobSource(blob: Blob): ByteSource {
  return {
    size: blob.size,
    async read(offset, length) {
      requireRange(blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
  };
}

/** Refuses a range that is not inside a source of `size` bytes. */
export function requireRange(size: number, offset: number, length: number): void {
  const isRange = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (isRange && offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new LorikeetError('invalid-argument', 'a read outside the source', {
    expected: `a range within ${size} bytes`,
    received: `${length} bytes from ${offset}`,
  });
}

/** As `source.read`, and refuses a source that gives another number of bytes than asked for. */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  place: Place,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.length === length) return bytes;
  throw invalidFile(place, 'the source gave another number of bytes than asked for', {
    expected: `${length} bytes from ${offset}`,
    received: `${bytes.length} bytes`,
    hint: 'the file may have been cut short while it was open: fetch it again',
  });
}

/** The UTF-8 text of the `length` bytes from `offset`; `what` names it in the error if it is not. */
export async function readText(
  source: ByteSource,
  offset: number,
  length: number,
  place: Place,
  what: string,
): Promise<string> {
  const bytes = await readExactly(source, offset, length, place);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidFile(place, `the ${what} is not UTF-8`, {
      expected: 'UTF-8 text',
      received: 'bytes that are not UTF-8',
      hint: 'the file is damaged, or is of another kind: fetch it again',
    });
  }
}
