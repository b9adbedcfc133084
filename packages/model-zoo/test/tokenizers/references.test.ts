import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@lorikeet/model-zoo/node';
import { describe, expect, test } from 'vitest';

const fixtures = fileURLToPath(new URL('../fixtures/tokenizers/', import.meta.url));

interface Case {
  readonly text: string;
  readonly pair?: string;
  readonly ids: readonly number[];
  readonly type_ids: readonly number[];
  readonly offsets: readonly (readonly [number, number])[];
  readonly words: readonly (number | null)[];
  readonly sequences: readonly (number | null)[];
  readonly decoded: string;
}

/** Where a normal form makes one character of a letter and its marks, ours is the place of all, theirs of the letter alone. */
function markEnd(source: string, end: number): number {
  return end + (/^\p{M}*/u.exec(source.slice(end))?.[0].length ?? 0);
}

const names = [
  'bert',
  'roberta',
  'gpt2',
  'llama3',
  'llama2',
  't5',
  'spm',
  'marks',
  'bert-old',
  'roberta-old',
  'gpt2-old',
];

describe.each(names)('%s as tokenizers in Rust has it', async (name) => {
  const cases: readonly Case[] = JSON.parse(
    await readFile(`${fixtures}${name}/expected.json`, 'utf8'),
  );
  const tokenizer = await loadTokenizer(`${fixtures}${name}`);

  test.each(cases)('$text', (expected) => {
    const { text, pair } = expected;
    const encoding = tokenizer.encode(text, pair === undefined ? {} : { pair });
    expect(encoding.ids).toEqual(expected.ids);
    expect(encoding.types).toEqual(expected.type_ids);
    expect(encoding.words).toEqual(expected.words);
    expect(encoding.sequences).toEqual(expected.sequences);
    const sources = [text, pair ?? ''];
    expect(encoding.offsets).toEqual(
      expected.offsets.map(([start, end], i) => {
        const source = sources[expected.sequences[i] ?? 0] ?? '';
        const isEqual = encoding.offsets[i]?.[1] === end;
        return isEqual ? [start, end] : [start, markEnd(source, end)];
      }),
    );
    expect(tokenizer.decode(encoding.ids)).toBe(expected.decoded);
  });
});
