import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { LorikeetError } from '@lorikeet/tensor-core';
import { readJson } from './readJson.ts';

/** Turns a text into token ids. */
export interface TextTokenizer {
  encode(text: string): number[];
  readonly padId: number;
}

/** The tokenizer of a model's folder. Throws `invalid-file` if there is none. */
export async function loadTokenizer(dir: string): Promise<TextTokenizer> {
  const file = await readJson(join(dir, 'tokenizer.json'));
  if (typeof file !== 'object' || file === null) {
    throw new LorikeetError('invalid-file', 'the model has no tokenizer', {
      path: join(dir, 'tokenizer.json'),
      hint: 'put the tokenizer.json of the model into its folder',
    });
  }
  const config = (await readJson(join(dir, 'tokenizer_config.json'))) ?? {};
  const tokenizer = tokenizerOf(dir, file, config);
  return {
    encode: (text) => tokenizer.encode(text).ids,
    padId: tokenizer.token_to_id('[PAD]') ?? tokenizer.token_to_id('<pad>') ?? 0,
  };
}

function tokenizerOf(dir: string, file: object, config: object): Tokenizer {
  try {
    return new Tokenizer(file, config);
  } catch (cause) {
    throw new LorikeetError('invalid-file', 'the tokenizer of the model cannot be used', {
      path: join(dir, 'tokenizer.json'),
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
