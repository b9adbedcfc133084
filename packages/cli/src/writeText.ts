import { writeFile } from 'node:fs/promises';
import { LorikeetError } from '@lorikeet/tensor-core';

/** Writes a file that was asked for by name. Throws `invalid-argument` where it cannot be. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new LorikeetError('invalid-argument', `cannot write ${path}`, {
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
