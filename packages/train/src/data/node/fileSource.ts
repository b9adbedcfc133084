import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { LorikeetError } from '@lorikeet/tensor-core';
import { asyncBufferFromFile } from 'hyparquet';
import type { ByteSource } from '../files/byteSource.ts';
import type { RandomAccessSource } from '../files/readParquet.ts';

/** A file, read as it is needed. One whose name ends in `.gz` is unpacked, and read from its beginning each time. */
export function fileSource(path: string): ByteSource {
  return {
    name: path,
    async *open(start) {
      if (!path.endsWith('.gz')) {
        yield* readable(path, createReadStream(path, { start }));
        return;
      }
      const packed = createReadStream(path);
      const unpacked = createGunzip();
      packed.on('error', (error) => unpacked.destroy(error));
      let left = start;
      for await (const chunk of readable(path, packed.pipe(unpacked))) {
        if (left < chunk.length) yield chunk.subarray(left);
        left = Math.max(0, left - chunk.length);
      }
    },
  };
}

/** A file, read from any place. */
export async function randomAccessFile(path: string): Promise<RandomAccessSource> {
  try {
    await stat(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return { name: path, ...(await asyncBufferFromFile(path)) };
}

async function* readable(
  path: string,
  stream: Pick<ReadStream, typeof Symbol.asyncIterator>,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): LorikeetError {
  return new LorikeetError('invalid-file', 'the file cannot be read', {
    path,
    received: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}
