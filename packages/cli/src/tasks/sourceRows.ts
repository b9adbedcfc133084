import { access } from 'node:fs/promises';
import { LorikeetError } from '@lorikeet/tensor-core';
import { collect, type PlacedRow, type Splits } from '@lorikeet/train/data';
import { readRows } from '@lorikeet/train/data/node';

/** All rows of a file. Throws `invalid-file` if it is not there, and what the reader of its format throws. */
export async function rowsOf(path: string): Promise<readonly PlacedRow[]> {
  await requireFile(path);
  return collect(readRows(path));
}

export async function requireFile(path: string): Promise<void> {
  await access(path).catch((cause: unknown) => {
    throw new LorikeetError('invalid-file', `cannot read '${path}'`, {
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  });
}

/** Examples that have no parts of their own. Throws `invalid-file` if there are none. */
export function unsplit<Example>(examples: readonly Example[], path: string): Splits<Example> {
  if (examples.length > 0) return { train: examples, validation: [], test: [] };
  throw new LorikeetError('invalid-file', 'there is no example in the data', { path });
}
