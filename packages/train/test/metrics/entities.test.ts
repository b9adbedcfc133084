import { entitiesOf, entityScore, judge, measure, type TagScheme } from '@lorikeet/train/metrics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { metricLaws } from './metricLaws.ts';

type Found = readonly (readonly [string, number, number])[];
const found = (tags: string, scheme: TagScheme): Found =>
  entitiesOf(tags === '' ? [] : tags.split(' '), scheme).map(({ type, start, end }) => [
    type,
    start,
    end,
  ]);

describe('entitiesOf', () => {
  // The tables of seqeval's tests/test_scheme.py.
  test.each<[TagScheme, string, Found]>([
    ['IOB1', '', []],
    ['IOB1', 'B-PER', []],
    ['IOB1', 'I-PER', [['PER', 0, 1]]],
    ['IOB1', 'O I-PER', [['PER', 1, 2]]],
    ['IOB1', 'O B-PER', []],
    ['IOB1', 'I-PER I-PER', [['PER', 0, 2]]],
    [
      'IOB1',
      'I-PER I-ORG',
      [
        ['PER', 0, 1],
        ['ORG', 1, 2],
      ],
    ],
    [
      'IOB1',
      'I-PER B-PER',
      [
        ['PER', 0, 1],
        ['PER', 1, 2],
      ],
    ],
    ['IOB1', 'I-PER B-ORG', [['PER', 0, 1]]],
    ['IOB1', 'B-PER I-PER', [['PER', 1, 2]]],
    ['IOB1', 'B-PER I-ORG', [['ORG', 1, 2]]],
    ['IOB1', 'B-PER B-PER', [['PER', 1, 2]]],
    ['IOB1', 'B-PER B-ORG', []],
    [
      'IOB1',
      'I B',
      [
        ['_', 0, 1],
        ['_', 1, 2],
      ],
    ],
    ['IOB2', 'B-PER', [['PER', 0, 1]]],
    ['IOB2', 'I-PER', []],
    ['IOB2', 'I-PER I-ORG', []],
    ['IOB2', 'I-PER B-ORG', [['ORG', 1, 2]]],
    ['IOB2', 'B-PER I-PER', [['PER', 0, 2]]],
    ['IOB2', 'B-PER I-ORG', [['PER', 0, 1]]],
    [
      'IOB2',
      'B-PER B-PER',
      [
        ['PER', 0, 1],
        ['PER', 1, 2],
      ],
    ],
    ['IOB2', 'B I', [['_', 0, 2]]],
    ['IOBES', 'B-PER', []],
    ['IOBES', 'S-PER', [['PER', 0, 1]]],
    ['IOBES', 'I-PER S-PER', [['PER', 1, 2]]],
    ['IOBES', 'B-PER E-PER', [['PER', 0, 2]]],
    ['IOBES', 'B-PER E-ORG', []],
    ['IOBES', 'B-PER I-PER', []],
    ['IOBES', 'B-PER S-PER', [['PER', 1, 2]]],
    ['IOBES', 'S-PER I-PER', [['PER', 0, 1]]],
    [
      'IOBES',
      'B-PER I-PER E-PER S-LOC',
      [
        ['PER', 0, 3],
        ['LOC', 3, 4],
      ],
    ],
    // conlleval's rules, which seqeval's get_entities has too.
    [
      'lenient',
      'B-PER I-PER O B-LOC',
      [
        ['PER', 0, 2],
        ['LOC', 3, 4],
      ],
    ],
    [
      'lenient',
      'I-PER I-ORG B-ORG',
      [
        ['PER', 0, 1],
        ['ORG', 1, 2],
        ['ORG', 2, 3],
      ],
    ],
    [
      'lenient',
      'O I-PER I-PER B-PER',
      [
        ['PER', 1, 3],
        ['PER', 3, 4],
      ],
    ],
    [
      'lenient',
      'E-PER I-PER S-PER E-PER',
      [
        ['PER', 0, 1],
        ['PER', 1, 2],
        ['PER', 2, 3],
        ['PER', 3, 4],
      ],
    ],
    [
      'lenient',
      'B-PER E-PER E-PER',
      [
        ['PER', 0, 2],
        ['PER', 2, 3],
      ],
    ],
  ])('%s: %s', (scheme, tags, expected) => expect(found(tags, scheme)).toEqual(expected));

  test('refuses tags that the scheme does not have', () => {
    expect(() => found('B-PER E-PER', 'IOB2')).toThrow('the tag of token 1 is not one of IOB2');
    expect(() => found('PER', 'lenient')).toThrow('the tag of token 0');
    expect(() => entitiesOf([''])).toThrow('the tag of token 0');
  });

  test('in well-formed IOB2 every scheme that has its tags finds the same', () => {
    const runs = fc.array(
      fc.record({
        type: fc.constantFrom('A', 'B'),
        length: fc.integer({ min: 1, max: 3 }),
        gap: fc.nat(1),
      }),
    );
    fc.assert(
      fc.property(runs, (parts) => {
        const iob2 = parts.flatMap(({ type, length, gap }) => [
          ...Array.from({ length }, (_, i) => `${i === 0 ? 'B' : 'I'}-${type}`),
          ...new Array<string>(gap).fill('O'),
        ]);
        const iobes = parts.flatMap(({ type, length, gap }) => [
          ...Array.from({ length }, (_, i) =>
            length === 1 ? `S-${type}` : `${i === 0 ? 'B' : i === length - 1 ? 'E' : 'I'}-${type}`,
          ),
          ...new Array<string>(gap).fill('O'),
        ]);
        expect(entitiesOf(iob2, 'IOB2')).toEqual(entitiesOf(iob2));
        expect(entitiesOf(iobes, 'IOBES')).toEqual(entitiesOf(iob2));
        expect(entitiesOf(iobes)).toEqual(entitiesOf(iob2));
        expect(entitiesOf(iob2)).toHaveLength(parts.length);
      }),
    );
  });
});

describe('entityScore', () => {
  const tag = fc.constantFrom('O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC');
  const sentence = fc
    .array(fc.tuple(tag, tag), { minLength: 1, maxLength: 8 })
    .map((pairs) => ({ truth: pairs.map(([a]) => a), answer: pairs.map(([, b]) => b) }));
  metricLaws(entityScore(), sentence);

  test("the example of seqeval's README", () => {
    const truth = [
      ['O', 'O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'O'],
      ['B-PER', 'I-PER', 'O'],
    ];
    const answer = [
      ['O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'I-MISC', 'O'],
      ['B-PER', 'I-PER', 'O'],
    ];
    const score = measure(entityScore(), judge(truth, answer));
    expect(score).toMatchObject({
      precision: 0.5,
      recall: 0.5,
      f1: 0.5,
      accuracy: 0.8,
      macroF1: 0.5,
    });
    expect(score.types).toEqual({
      MISC: { precision: 0, recall: 0, f1: 0, support: 1 },
      PER: { precision: 1, recall: 1, f1: 1, support: 1 },
    });
  });

  test("the strict example of seqeval's README: I without B is no entity", () => {
    const example = judge([['B-NP', 'I-NP', 'O']], [['I-NP', 'I-NP', 'O']]);
    expect(measure(entityScore(), example).f1).toBe(1);
    expect(measure(entityScore('IOB2'), example).f1).toBe(0);
  });

  test("counts as in the output that conlleval's page shows give its figures", () => {
    // processed 961 tokens with 459 phrases; found: 539 phrases; correct: 371
    const metric = entityScore();
    const tokens = {
      types: { NP: [371, 539, 459] as const },
      sentences: 1,
      tokens: 961,
      rightTokens: 839,
    };
    const { precision, recall, f1, accuracy } = metric.result(tokens);
    expect([precision, recall, f1, accuracy].map((share) => (100 * share).toFixed(2))).toEqual([
      '68.83',
      '80.83',
      '74.35',
      '87.30',
    ]);
  });

  test('lies from 0 to 1, and is 1 for the truth if there is an entity', () => {
    fc.assert(
      fc.property(fc.array(sentence, { minLength: 1 }), (sentences) => {
        const { f1 } = measure(entityScore(), sentences);
        expect(f1).toBeGreaterThanOrEqual(0);
        expect(f1).toBeLessThanOrEqual(1);
        const right = sentences.map(({ truth }) => ({ truth, answer: truth }));
        const any = hasEntity(sentences);
        expect(measure(entityScore(), right).f1).toBe(any ? 1 : 0);
      }),
    );
  });

  test('names the sentence whose tags are too few', () => {
    const metric = entityScore();
    const state = metric.add(metric.init, judge([['O']], [['O']]));
    expect(() => metric.add(state, judge([['O', 'O']], [['O']]))).toThrow(
      'sentence 1 has not one tag',
    );
  });
});

function hasEntity(sentences: readonly { readonly truth: readonly string[] }[]): boolean {
  return sentences.some(({ truth }) => truth.some((tag) => tag !== 'O'));
}
