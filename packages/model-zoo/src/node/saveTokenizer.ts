import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';

/** Saves a tokenizer as Hugging Face does: `tokenizer.json` and `tokenizer_config.json`, beside the files of a model or alone. */
export async function saveTokenizer(tokenizer: Tokenizer, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(join(dir, name), `${JSON.stringify(content, null, 2)}\n`);
  await write('tokenizer.json', tokenizer.json);
  await write('tokenizer_config.json', tokenizer.config);
}
