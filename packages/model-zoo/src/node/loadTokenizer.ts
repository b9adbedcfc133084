import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import {
  byteLevelFromVocabulary,
  type TokenizerFiles,
  wordPieceFromVocabulary,
} from '../tokenizers/fromVocabulary.ts';
import { parseTokenizer } from '../tokenizers/parseTokenizer.ts';
import { tokenizerConfigSchema, vocabularySchema } from '../tokenizers/schema.ts';
import { Tokenizer } from '../tokenizers/tokenizer.ts';
import type { HubOptions } from './hub/hubOptions.ts';
import { modelFolder } from './hub/modelFolder.ts';
import { readJsonFile } from './readJsonFile.ts';

/**
 * The tokenizer of a model's folder, or of a model on a hub: `tokenizer.json` with `tokenizer_config.json`, `special_tokens_map.json` and
 * `chat_template.jinja` where these are there; or what folders from before had, `vocab.txt`, or `vocab.json` and `merges.txt`.
 *
 * @throws LorikeetError `invalid-file` without such files or with others than Hugging Face writes; `unsupported` for a
 *   SentencePiece model alone; `download-failed`.
 * @example
 * const tokenizer = await loadTokenizer('bert-base-uncased');
 * const { ids, offsets } = tokenizer.encode('A lorikeet learns colours.');
 */
export async function loadTokenizer(dirOrId: string, options: HubOptions = {}): Promise<Tokenizer> {
  const dir = await modelFolder(dirOrId, 'tokenizer', options);
  const config = await readConfig(dir);
  const found = await readFiles(dir, config);
  return new Tokenizer(found.json, found.config);
}

async function readFiles(dir: string, config: object): Promise<TokenizerFiles> {
  const json = await readOptionalJson(join(dir, 'tokenizer.json'));
  if (json !== undefined) return { json, config };
  const known = parseTokenizer(tokenizerConfigSchema, config, join(dir, 'tokenizer_config.json'));
  const lines = await readOptional(join(dir, 'vocab.txt'));
  if (lines !== undefined) return wordPieceFromVocabulary(lines, known);
  const merges = await readOptional(join(dir, 'merges.txt'));
  const path = join(dir, 'vocab.json');
  const vocab = merges === undefined ? undefined : await readOptionalJson(path);
  if (merges !== undefined && vocab !== undefined)
    return byteLevelFromVocabulary(parseTokenizer(vocabularySchema, vocab, path), merges, known);
  return await refuse(dir);
}

/** What several files say of the tokenizer; `tokenizer_config.json` comes first. */
async function readConfig(dir: string): Promise<object> {
  const config = await readOptionalJson(join(dir, 'tokenizer_config.json'));
  const marks = await readOptionalJson(join(dir, 'special_tokens_map.json'));
  const template = await readOptional(join(dir, 'chat_template.jinja'));
  return {
    ...objectOf(marks),
    ...objectOf(config),
    ...(template === undefined ? {} : { chat_template: template }),
  };
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

async function refuse(dir: string): Promise<never> {
  for (const name of ['spiece.model', 'tokenizer.model', 'sentencepiece.bpe.model', 'source.spm'])
    if ((await readOptional(join(dir, name))) !== undefined)
      throw new LorikeetError('unsupported', 'a tokenizer in the format of SentencePiece alone', {
        path: join(dir, name),
        expected: 'tokenizer.json',
        hint: 'load it with transformers in Python and save it: that writes tokenizer.json',
      });
  throw new LorikeetError('invalid-file', 'the model has no tokenizer', {
    path: join(dir, 'tokenizer.json'),
    hint: 'put the tokenizer.json of the model into its folder',
  });
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'ENOENT') return undefined;
    throw fault;
  }
}

async function readOptionalJson(path: string): Promise<unknown> {
  return (await readOptional(path)) === undefined
    ? undefined
    : await readJsonFile(path, 'a file of the tokenizer');
}
