import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** The content of a JSON file; `undefined` if there is none. */
export async function readJson(path: string): Promise<unknown> {
  return existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : undefined;
}
