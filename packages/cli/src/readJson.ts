import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { LorikeetError } from '@lorikeet/tensor-core';

/** The content of a JSON file; `undefined` if there is none. Throws `invalid-file` for what is no JSON. */
export async function readJson(path: string): Promise<unknown> {
  if (!existsSync(path)) return undefined;
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LorikeetError('invalid-file', 'the file is no JSON', {
      path,
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
