import { LorikeetError } from '../errors.ts';
import { formatPlace, quote } from './fault.ts';
import { maxHeaderBytes, maxRank } from './header.ts';
import { compareStoredDTypes, type StoredDType, storageOf, tensorBits } from './storedDType.ts';

/** What a file says of a tensor that is to be written. */
export interface TensorSpec {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** Pairs of a name and what it names: a `Map`, or `Object.entries` of a record. */
export type Named<Value> = Iterable<readonly [name: string, value: Value]>;

/** All of a safetensors file but its data. */
export interface SafetensorsLayout<Tensor> {
  /** The first bytes of the file: the length of the header, and the header. */
  readonly header: Uint8Array;
  /** The tensors in the order in which their data follows. */
  readonly tensors: readonly (readonly [name: string, tensor: Tensor])[];
  /** Bytes of the whole file. */
  readonly byteLength: number;
}

/**
 * The header of a safetensors file, and the order of the data that must follow it.
 *
 * Tensors go from the widest dtype to the narrowest and then by name, as in the official library: the
 * same tensors give the same bytes in whatever order they come, and each starts at a multiple of its
 * element. Throws `invalid-argument` for a bad name or shape, `unsupported` for an 8-bit float.
 */
export function safetensorsHeader<Tensor extends TensorSpec>(
  tensors: Named<Tensor>,
  metadata: Named<string> = [],
): SafetensorsLayout<Tensor> {
  const sorted = [...uniqueTensors(tensors)].sort(
    ([nameA, a], [nameB, b]) => compareStoredDTypes(a.dtype, b.dtype) || compareText(nameA, nameB),
  );
  const about = [...unique(metadata)].sort(([a], [b]) => compareText(a, b));
  const aboutText = about.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`);
  const members = about.length === 0 ? [] : [`"__metadata__":{${aboutText.join(',')}}`];
  let end = 0;
  for (const [name, { dtype, shape }] of sorted) {
    const begin = end;
    end += byteLengthOf(name, { dtype, shape });
    members.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`,
    );
  }
  const header = frame(`{${members.join(',')}}`);
  return { header, tensors: sorted, byteLength: header.length + end };
}

/** Bytes of a tensor's data. Throws as `safetensorsHeader` does. */
export function byteLengthOf(name: string, { dtype, shape }: TensorSpec): number {
  const place = { file: 'safetensors file to write', tensor: name };
  storageOf(dtype, place);
  const isShape =
    shape.length <= maxRank && shape.every((side) => Number.isSafeInteger(side) && side >= 0);
  const bits = isShape ? tensorBits(dtype, shape) : undefined;
  if (bits !== undefined) return bits / 8;
  throw new LorikeetError('invalid-argument', 'a tensor cannot be written with this shape', {
    path: formatPlace(place),
    expected: `at most ${maxRank} whole numbers, and less than 2^53 bits`,
    received: `[${shape.join(',')}]`,
  });
}

/** The length of the header, and the header, filled up with spaces to a multiple of 8 bytes. */
function frame(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > maxHeaderBytes) {
    throw new LorikeetError('invalid-argument', 'the header of the file would be too long', {
      expected: `at most ${maxHeaderBytes} bytes`,
      received: `${length} bytes`,
      hint: 'write fewer tensors to one file, or less metadata',
    });
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  return header;
}

/** The tensors by name. Refuses a name that the format, or a reader of it, cannot take. */
export function uniqueTensors<Tensor>(tensors: Named<Tensor>): ReadonlyMap<string, Tensor> {
  const byName = unique(tensors);
  if (byName.has('__metadata__')) throw badName('__metadata__');
  return byName;
}

function unique<Value>(pairs: Named<Value>): ReadonlyMap<string, Value> {
  const byName = new Map<string, Value>();
  for (const [name, value] of pairs) {
    if (byName.has(name) || isIllFormed(name) || isIllFormed(value)) throw badName(name);
    byName.set(name, value);
  }
  return byName;
}

function isIllFormed(value: unknown): boolean {
  return typeof value === 'string' && /\p{Surrogate}/u.test(value);
}

function badName(name: string): LorikeetError {
  return new LorikeetError('invalid-argument', 'a name cannot be written to a safetensors file', {
    expected: 'well-formed Unicode, each name once, and no tensor named "__metadata__"',
    received: quote(name),
  });
}

/** Order by code point, as the UTF-8 bytes compare; JavaScript's own order is by UTF-16 unit. */
function compareText(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}
