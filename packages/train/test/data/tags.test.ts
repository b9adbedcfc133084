import {
  collect,
  conllTags,
  readConll,
  tagRow,
  textSource,
  toIob2,
  wordTags,
} from '@lorikeet/train/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';
import { WordTokenizer } from './wordTokenizer.ts';

const file = `-DOCSTART- -X- -X- O

Ann NNP I-NP I-PER
Lee NNP I-NP I-PER
of IN I-PP O
Rome NNP I-NP I-LOC

-DOCSTART- -X- O O

Rain NN I-NP O
`;

describe('readConll', () => {
  test('reads sentences, and goes on from every one', async () => {
    const data = readConll(textSource('eng.train', file));
    expect(await collect(data)).toEqual([
      { words: ['Ann', 'Lee', 'of', 'Rome'], tags: ['I-PER', 'I-PER', 'O', 'I-LOC'] },
      { words: ['Rain'], tags: ['O'] },
    ]);
    await expectLawful(data);
    expect(await collect(readConll(textSource('f', 'a\tO\nb\tB-X')))).toEqual([
      { words: ['a', 'b'], tags: ['O', 'B-X'] },
    ]);
    expect(await collect(readConll(textSource('f', '')))).toEqual([]);
  });

  test.each([
    ['a X Y O\nb X O\n', undefined, 'f:2'],
    ['a\n', undefined, 'f:1'],
    ['a O\n', 4, 'f:1'],
  ])('refuses %j', async (text, columns, path) => {
    await expect(collect(readConll(textSource('f', text), columns))).rejects.toMatchObject({
      code: 'invalid-file',
      path,
      summary: 'a line has not the columns of a word',
    });
  });

  test('makes IOB2 of IOB1', () => {
    expect(toIob2(['I-PER', 'I-PER', 'B-PER', 'O', 'I-LOC', 'I-ORG'])).toEqual([
      'B-PER',
      'I-PER',
      'B-PER',
      'O',
      'B-LOC',
      'B-ORG',
    ]);
    expect(conllTags.slice(0, 4)).toEqual(['O', 'B-PER', 'I-PER', 'B-ORG']);
  });
});

describe('tagRow', () => {
  const tokenizer = new WordTokenizer();
  const sentence = {
    words: ['Annabel', 'lives', 'in', 'U.S.'],
    tags: ['B-PER', 'O', 'O', 'B-LOC'],
  };
  const [per, loc] = [conllTags.indexOf('B-PER'), conllTags.indexOf('B-LOC')];

  test('gives the tag to the first piece of a word', () => {
    const { row, firstTokens } = tagRow(tokenizer, { tags: conllTags, maxLength: 32 })(sentence);
    // [CLS] Ann abe l liv es in U . S . [SEP]
    expect(row.labels).toEqual([-100, per, -100, -100, 0, -100, 0, loc, -100, -100, -100, -100]);
    expect(firstTokens).toEqual([1, 4, 6, 7]);
    expect(row.input_ids).toHaveLength(12);
  });

  test('or to all, where B goes on as I', () => {
    const { row } = tagRow(tokenizer, { tags: conllTags, maxLength: 32, pieces: 'all' })(sentence);
    expect(row.labels).toEqual([
      -100,
      per,
      per + 1,
      per + 1,
      0,
      0,
      0,
      loc,
      loc + 1,
      loc + 1,
      loc + 1,
      -100,
    ]);
  });

  test('leads back to the tags of words; those cut off are outside', () => {
    const labels = (maxLength: number): string[] => {
      const { row, firstTokens } = tagRow(tokenizer, { tags: conllTags, maxLength })(sentence);
      expect(row.input_ids.length).toBeLessThanOrEqual(maxLength);
      return wordTags({ firstTokens }, row.labels, conllTags);
    };
    expect(labels(32)).toEqual(sentence.tags);
    expect(labels(6)).toEqual(['B-PER', 'O', 'O', 'O']);
  });

  test('takes a token of the space before a word, with a place or without, for the first of the word', () => {
    const space = (place: readonly [number, number]) => ({
      encode: () => ({
        ids: [5, 6, 7],
        types: [0, 0, 0],
        offsets: [[0, 1] as const, place, [2, 3] as const],
        sequences: [0, 0, 0] as const,
      }),
    });
    for (const place of [
      [1, 2],
      [2, 2],
    ] as const) {
      const make = tagRow(space(place), { tags: ['O', 'B-X'], maxLength: 9 });
      expect(make({ words: ['a', 'b'], tags: ['O', 'B-X'] })).toEqual({
        row: { input_ids: [5, 6, 7], labels: [0, 1, -100] },
        firstTokens: [0, 1],
      });
    }
  });

  test('leads back to any tags', () => {
    const word = fc.record({
      word: fc.constantFrom('a', 'green', 'U.S.', "don't", 'überall', '…'),
      tag: fc.constantFrom(...conllTags),
    });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('first', 'all'),
        (parts, pieces) => {
          const [words, tags] = [parts.map(({ word }) => word), parts.map(({ tag }) => tag)];
          const { row, firstTokens } = tagRow(tokenizer, {
            tags: conllTags,
            maxLength: 99,
            pieces,
          })({ words, tags });
          expect(wordTags({ firstTokens }, row.labels, conllTags)).toEqual(tags);
        },
      ),
    );
  });

  test('refuses unknown tags, missing ones, and no words', () => {
    const make = tagRow(tokenizer, { tags: ['O'], maxLength: 9 });
    expect(() => make({ words: ['a'], tags: ['B-X'] })).toThrow(/not one of the tags[\s\S]*"B-X"/);
    expect(() => make({ words: ['a', 'b'], tags: ['O'] })).toThrow('2 words, 1 tags');
    expect(() => make({ words: [], tags: [] })).toThrow('0 words');
  });
});
