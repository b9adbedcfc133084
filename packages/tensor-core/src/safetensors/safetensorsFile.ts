import type { DType, TypedArray } from '../dtype.ts';
import { LorikeetError } from '../errors.ts';
import { formatPlace, listNames, quote } from './fault.ts';
import type { SafetensorsEntry } from './header.ts';
import type { StoredArray } from './storedDType.ts';

/** The tensors of a checkpoint: of one file, or of several shards that read as one. */
export interface SafetensorsFile {
  /** How errors call it. */
  readonly name: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** What the file holds, known before any data is read. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /**
   * The elements of one tensor as they are stored: 16-bit floats as their bits, 64-bit integers as
   * bigints, booleans as 0 and 1. Throws `missing-tensor`, or `unsupported` for an 8-bit float.
   */
  read(name: string): Promise<StoredArray>;
  /**
   * The elements of one tensor as what a tensor of type `dtype` is stored in. Floats are rounded to
   * it; for an integer dtype every value must be a whole number that it holds, else it throws
   * `invalid-argument`; for `bool` all but 0 is true.
   */
  readAs(name: string, dtype: DType): Promise<TypedArray>;
  close(): Promise<void>;
}

/** The entry of `tensor`, or `missing-tensor`. */
export function requireEntry<Entry>(
  entries: ReadonlyMap<string, Entry>,
  { file, tensor }: { readonly file: string; readonly tensor: string },
): Entry {
  const entry = entries.get(tensor);
  if (entry !== undefined) return entry;
  throw new LorikeetError('missing-tensor', 'there is no such tensor in the file', {
    path: formatPlace({ file }),
    expected: `a tensor named ${quote(tensor)}`,
    received: listNames(entries.keys()),
    hint: 'check the name, and that this is the checkpoint of this model',
  });
}
