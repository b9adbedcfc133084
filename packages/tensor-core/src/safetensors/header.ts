import { invalidFile, listNames, type Place, quote } from './fault.ts';
import { JsonScanner } from './jsonScanner.ts';
import { type ByteRange, checkLayout } from './layout.ts';
import { type ByteSource, readExactly, readText } from './source.ts';
import { isStoredDType, readableDTypes, type StoredDType, tensorBits } from './storedDType.ts';

/** The format's own limit on the JSON header. */
export const maxHeaderBytes: number = 100_000_000;
/** NumPy and PyTorch take no more axes than this. */
export const maxRank: number = 64;

/** What a file says of one tensor. */
export interface SafetensorsEntry {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** An entry, and where its bytes are, counted from the first byte of data. */
export interface PlacedEntry extends SafetensorsEntry, ByteRange {}

export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: ReadonlyMap<string, PlacedEntry>;
  /** Where the first byte of data is in the file. */
  readonly dataOffset: number;
}

/** Reads and checks everything that is before the data. Nothing else of the file is read. */
export async function readHeader(source: ByteSource, file: string): Promise<Header> {
  const length = await readHeaderLength(source, file);
  const text = await readText(source, 8, length, { file }, 'header');
  const { metadata, entries } = parseHeader(text, file);
  checkLayout(entries, source.size - 8 - length, file);
  return { metadata, entries, dataOffset: 8 + length };
}

async function readHeaderLength(source: ByteSource, file: string): Promise<number> {
  const hint = 'the file is cut short, or is no safetensors file: fetch it again';
  if (source.size < 8) {
    throw invalidFile({ file }, 'the file is too short for a safetensors file', {
      expected: '8 bytes or more',
      received: `${source.size} bytes`,
      hint,
    });
  }
  const bytes = await readExactly(source, 0, 8, { file });
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length <= maxHeaderBytes && length <= source.size - 8) return length;
  const limit = Math.min(maxHeaderBytes, source.size - 8);
  throw invalidFile({ file }, 'the length of the header is out of range', {
    expected: `at most ${limit} bytes in a file of ${source.size} bytes`,
    received: `${length} bytes`,
    hint,
  });
}

function parseHeader(text: string, file: string): Omit<Header, 'dataOffset'> {
  const metadata = new Map<string, string>();
  const entries = new Map<string, PlacedEntry>();
  const scanner = new JsonScanner(text, file, 'header');
  if (!text.startsWith('{')) {
    throw scanner.fault('the header is not a JSON object', '"{" first', quote(text.slice(0, 20)));
  }
  scanner.object((name) => {
    scanner.tensor = name;
    if (name === '__metadata__') scanner.object((key) => metadata.set(key, scanner.string()));
    else entries.set(name, readEntry(scanner, { file, tensor: name }));
    scanner.tensor = undefined;
  });
  scanner.end();
  return { metadata, entries };
}

function readEntry(scanner: JsonScanner, place: Place): PlacedEntry {
  const found: { dtype?: string; shape?: number[]; data_offsets?: number[] } = {};
  scanner.object((field) => {
    if (field === 'dtype') found.dtype = scanner.string();
    else if (field === 'shape') found.shape = readCounts(scanner, 'axes', maxRank);
    else if (field === 'data_offsets') found.data_offsets = readCounts(scanner, 'offsets', 2);
    else
      throw scanner.fault(
        'a tensor has an unknown field',
        'dtype, shape, data_offsets',
        quote(field),
      );
  });
  const { dtype, shape, data_offsets: offsets } = found;
  const [begin, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || begin === undefined || end === undefined) {
    const received = listNames(Object.keys(found));
    throw scanner.fault('a tensor lacks a field', 'dtype, shape and two data_offsets', received);
  }
  if (!isStoredDType(dtype)) {
    throw invalidFile(place, 'a tensor has an unknown dtype', {
      expected: readableDTypes.join(', '),
      received: quote(dtype),
      hint: 'convert the file with the library that wrote it',
    });
  }
  return { dtype, shape, byteLength: byteLengthOf(dtype, shape, scanner), begin, end };
}

/** An array of counts, refused as soon as it is longer than `most`. */
function readCounts(scanner: JsonScanner, what: string, most: number): number[] {
  const counts: number[] = [];
  scanner.array(() => {
    if (counts.length === most) {
      throw scanner.fault(`a tensor has too many ${what}`, `at most ${most}`, `more than ${most}`);
    }
    counts.push(scanner.count());
  });
  return counts;
}

function byteLengthOf(dtype: StoredDType, shape: readonly number[], scanner: JsonScanner): number {
  const bits = tensorBits(dtype, shape);
  const received = `${dtype} of shape [${shape.join(',')}]`;
  if (bits === undefined) {
    throw scanner.fault('a shape is too large to count its bits', 'less than 2^53 bits', received);
  }
  if (bits % 8 === 0) return bits / 8;
  throw scanner.fault('a tensor does not end on a byte', 'a whole number of bytes', received);
}
