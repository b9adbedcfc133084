import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTokenizer, saveTokenizer } from '@lorikeet/model-zoo/node';
import { trainTokenizer } from '@lorikeet/model-zoo/tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const fixtures = fileURLToPath(new URL('../fixtures/tokenizers/trained/', import.meta.url));
// Python's lines, of which some have breaks within.
const texts = (await readFile(`${fixtures}text.txt`, 'utf8')).split('\u001e');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trained-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Trained {
  readonly kind: 'byte-level-bpe' | 'wordpiece';
  readonly vocabSize: number;
  readonly minFrequency: number;
  readonly special: readonly string[];
  readonly vocab: readonly string[];
  readonly merges?: readonly string[];
}

interface Content {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges?: readonly (readonly [string, string])[];
  };
}

describe('training counts as the tokenizers package does', async () => {
  const cases: readonly Trained[] = JSON.parse(await readFile(`${fixtures}expected.json`, 'utf8'));
  test.each(cases)('$kind of $vocabSize, from $minFrequency', (expected) => {
    const { kind, vocabSize, minFrequency, special } = expected;
    const marks = kind === 'wordpiece' ? 5 : 1;
    const extraTokens = special.slice(marks);
    const options = { kind, vocabSize, minFrequency, extraTokens };
    const { json } = trainTokenizer(texts, options);
    const { model } = json as Content;
    // Objects put numbers first, so the vocabulary is put in the order of its ids.
    const byId = Object.entries(model.vocab).toSorted(([, a], [, b]) => a - b);
    expect(byId.map(([token]) => token)).toEqual(expected.vocab);
    expect(model.merges?.map((pair) => pair.join(' '))).toEqual(expected.merges);
  });
});

test('what is trained encodes, and is the same after saving', async () => {
  for (const kind of ['byte-level-bpe', 'wordpiece'] as const) {
    const tokenizer = trainTokenizer(texts, { kind, vocabSize: 400 });
    const text = 'the quick brown license, unknown 東 words';
    await saveTokenizer(tokenizer, join(folder, kind));
    const loaded = await loadTokenizer(join(folder, kind));
    expect(loaded.encode(text)).toEqual(tokenizer.encode(text));
    expect(loaded.special).toEqual(tokenizer.special);
    expect(loaded.size).toBe(400);
    if (kind === 'byte-level-bpe') expect(loaded.decode(loaded.encode(text).ids)).toBe(text);
  }
});

test('marks and case are as asked', () => {
  const special = { cls: '<s>', sep: '</s>', unk: '<unk>' };
  const tokenizer = trainTokenizer(['Aa aa'], {
    kind: 'wordpiece',
    vocabSize: 50,
    cased: true,
    special,
  });
  expect(tokenizer.encode('Aa x').tokens).toEqual(['<s>', 'Aa', '<unk>', '</s>']);
  expect(tokenizer.idOf('</s>')).toBe(1);
});

test('a vocabulary without room for bytes is refused', () => {
  expect(() => trainTokenizer(['a'], { kind: 'byte-level-bpe', vocabSize: 100 })).toThrow(
    expect.objectContaining({ code: 'invalid-argument', expected: expect.stringContaining('257') }),
  );
});
