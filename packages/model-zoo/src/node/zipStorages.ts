import { Readable } from 'node:stream';
import { isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';
import type { ByteSource } from '@lorikeet/tensor-core/safetensors';
import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from 'yauzl';
import type { StoragePlace } from '../pytorch/foundTensors.ts';

/** No model has as many tensors as this. */
const maxEntries = 1_000_000;

/**
 * Where the files of an archive that torch.save has written are in it. Nothing is decompressed or written anywhere.
 *
 * @returns by name, without the folder that all are in.
 * @throws LorikeetError `invalid-file` for an archive that is not as PyTorch writes it.
 */
export async function zipPlaces(
  source: ByteSource,
  file: string,
): Promise<ReadonlyMap<string, StoragePlace>> {
  const refuse = (received: string, cause?: unknown): LorikeetError =>
    new LorikeetError('invalid-file', 'the archive is not as torch.save writes it', {
      path: file,
      expected: 'files that are not compressed, in one folder',
      received,
      hint: 'the file is damaged, or is of another kind: fetch it again',
      cause,
    });
  try {
    const zip = await openZip(source);
    if (zip.entryCount > maxEntries) throw refuse(`${zip.entryCount} files`);
    const places = new Map<string, StoragePlace>();
    for (const entry of await entriesOf(zip)) {
      const { fileName, compressionMethod, uncompressedSize, compressedSize } = entry;
      const [, name] = /^[^/]+\/(.+)$/.exec(fileName) ?? [];
      if (name === undefined || places.has(name))
        throw refuse(`the file ${fileName.slice(0, 100)}`);
      if (compressionMethod !== 0 || compressedSize !== uncompressedSize || entry.isEncrypted())
        throw refuse(`${fileName.slice(0, 100)}, which is compressed or encrypted`);
      const position = await dataStart(zip, entry);
      if (position + uncompressedSize > source.size)
        throw refuse(`${fileName.slice(0, 100)}, which ends beyond the file`);
      places.set(name, { position, byteLength: uncompressedSize });
    }
    return places;
  } catch (cause) {
    if (isLorikeetError(cause, 'invalid-file')) throw cause;
    // Also where the archive points beyond its end.
    throw refuse(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

class SourceReader extends RandomAccessReader {
  readonly source: ByteSource;

  constructor(source: ByteSource) {
    super();
    this.source = source;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(
      (async function* (source) {
        yield await source.read(start, end - start);
      })(this.source),
    );
  }
}

function openZip(source: ByteSource): Promise<ZipFile> {
  // The check of names refuses `..` and absolute paths.
  const options = { lazyEntries: true, autoClose: false };
  return new Promise((resolve, reject) => {
    fromRandomAccessReader(new SourceReader(source), source.size, options, (error, zip) => {
      if (error) reject(error);
      else resolve(zip);
    });
  });
}

function entriesOf(zip: ZipFile): Promise<Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    zip.on('error', reject);
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.readEntry();
  });
}

function dataStart(zip: ZipFile, entry: Entry): Promise<number> {
  return new Promise((resolve, reject) => {
    zip.readLocalFileHeader(entry, { minimal: true }, (error, header) => {
      if (error) reject(error);
      else resolve(header.fileDataStart);
    });
  });
}
