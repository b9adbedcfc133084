import { readFile } from 'node:fs/promises';
import { LorikeetError } from '@lorikeet/tensor-core';

/** The content of a JSON file. Throws `invalid-file`; `what` names it. */
export async function readJsonFile(path: string, what: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new LorikeetError('invalid-file', `${what} cannot be read`, {
      path,
      expected: 'a JSON file as Hugging Face writes it',
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
