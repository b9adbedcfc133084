import {
  type BleuOptions,
  bleu,
  type ChrfOptions,
  chrf,
  measure,
  porterStem,
  rouge,
  type Segment,
  sentenceBleu,
  sequenceError,
} from '@lorikeet/train/metrics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import reference from '../fixtures/metrics.json' with { type: 'json' };
import { expectClose, metricLaws } from './metricLaws.ts';

const corpus = (references: number): Segment[] =>
  reference.answers.map((answer, i) => ({
    answer,
    references: (reference.references[i] ?? []).slice(0, references),
  }));
const words = fc
  .array(fc.constantFrom('the', 'cat', 'sat', 'on', 'mat,', '3.5', 'Ünder'), {
    minLength: 1,
    maxLength: 8,
  })
  .map((list) => list.join(' '));
const segment = fc.record({
  answer: words,
  references: fc.array(words, { minLength: 1, maxLength: 2 }),
});

interface SacrebleuOptions {
  readonly lowercase?: boolean;
  readonly tokenize?: string;
  readonly smooth_method?: string;
  readonly smooth_value?: number;
  readonly effective_order?: boolean;
  readonly max_ngram_order?: number;
}

function bleuOptions(theirs: SacrebleuOptions): BleuOptions {
  return {
    ...(theirs.lowercase === undefined ? {} : { lowercase: theirs.lowercase }),
    ...(theirs.tokenize === undefined ? {} : { tokenizer: theirs.tokenize as 'intl' }),
    ...(theirs.smooth_method === undefined ? {} : { smooth: theirs.smooth_method as 'exp' }),
    ...(theirs.smooth_value === undefined ? {} : { smoothValue: theirs.smooth_value }),
    ...(theirs.effective_order === undefined ? {} : { effectiveOrder: theirs.effective_order }),
    ...(theirs.max_ngram_order === undefined ? {} : { order: theirs.max_ngram_order }),
  };
}

const unversioned = (signature: string): string => signature.replace(/\|version:.*/, '');

describe('bleu', () => {
  metricLaws(bleu(), segment);

  test.each(
    reference.bleu.map(
      (theirs) =>
        [`${JSON.stringify(theirs.options)}, ${theirs.references} references`, theirs] as const,
    ),
  )("is sacreBLEU's with %s", (_, theirs) => {
    const ours = measure(bleu(bleuOptions(theirs.options)), corpus(theirs.references));
    expectClose(ours.score, theirs.score);
    expectClose(ours.precisions, theirs.precisions);
    expectClose(ours.brevityPenalty, theirs.bp);
    expect([ours.answerLength, ours.referenceLength]).toEqual([theirs.sys_len, theirs.ref_len]);
    expect(unversioned(ours.signature)).toBe(unversioned(theirs.signature));
  });

  test.each(
    reference.sentences.map(
      (theirs) => [`${theirs.smooth_method}, ${theirs.effective_order}`, theirs] as const,
    ),
  )("of one sentence is sacreBLEU's with %s", (_, theirs) => {
    const options = {
      smooth: theirs.smooth_method as 'exp',
      effectiveOrder: theirs.effective_order,
    };
    expectClose(
      corpus(2).map(({ answer, references }) => sentenceBleu(answer, references, options).score),
      theirs.scores,
    );
  });

  test("the example of sacreBLEU's README, and of its signature", () => {
    const systems = [
      'The dog bit the man.',
      "It wasn't surprising.",
      'The man had just bitten him.',
    ];
    const references = [
      ['The dog bit the man.', 'The dog had bit the man.'],
      ['It was not unexpected.', 'No one was surprised.'],
      ['The man bit him first.', 'The man had bitten the dog.'],
    ];
    const items = systems.map((answer, i) => ({ answer, references: references[i] ?? [] }));
    const { score, signature } = measure(bleu(), items);
    expect(score).toBeCloseTo(48.530827009929865, 9);
    expect(signature).toBe('nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0-lorikeet');
    expect(measure(chrf(), items).score).toBeCloseTo(59.73, 1);
  });

  test('lies from 0 to 100, is 100 for a reference of four words or more, and 0 without a match', () => {
    fc.assert(
      fc.property(segment, (item) => {
        const { score } = measure(bleu(), [item]);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100 + 1e-9);
      }),
    );
    const same = { answer: 'one two three four', references: ['one two three four'] };
    expect(measure(bleu(), [same]).score).toBeCloseTo(100, 10);
    expect(measure(bleu(), [{ answer: 'x', references: ['y'] }]).score).toBe(0);
    expect(measure(bleu(), [{ answer: '', references: ['y'] }]).score).toBe(0);
  });

  test('tells of numbers of references that vary, and refuses none', () => {
    const { signature } = measure(bleu(), [
      { answer: 'a', references: ['a'] },
      { answer: 'a', references: ['a', 'b'] },
    ]);
    expect(signature).toContain('nrefs:var|');
    expect(() => measure(bleu(), [{ answer: 'a', references: [] }])).toThrow('no reference');
  });
});

describe('chrf', () => {
  metricLaws(chrf({ wordOrder: 2 }), segment);

  test.each(
    reference.chrf.map(
      (theirs) =>
        [`${JSON.stringify(theirs.options)}, ${theirs.references} references`, theirs] as const,
    ),
  )("is sacreBLEU's with %s", (_, { options, references, score, signature }) => {
    const named: Record<string, keyof ChrfOptions> = {
      word_order: 'wordOrder',
      char_order: 'charOrder',
      eps_smoothing: 'epsSmoothing',
    };
    const ours = measure(
      chrf(
        Object.fromEntries(
          Object.entries(options).map(([key, value]) => [named[key] ?? key, value]),
        ),
      ),
      corpus(references),
    );
    expectClose(ours.score, score);
    expect(unversioned(ours.signature)).toBe(unversioned(signature));
  });

  test('lies from 0 to 100, and is 100 for the reference', () => {
    fc.assert(
      fc.property(segment, ({ answer, references }) => {
        const { score } = measure(chrf(), [{ answer, references }]);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100 + 1e-9);
        expectClose(measure(chrf(), [{ answer, references: [...references, answer] }]).score, 100);
      }),
    );
  });
});

describe('rouge', () => {
  metricLaws(rouge({ stemmer: true }), segment);
  const score = (target: string, answer: string): ReturnType<ReturnType<typeof rouge>['result']> =>
    measure(rouge(), [{ answer, references: [target] }]);

  test("the figures of the tests of Google's rouge_scorer", () => {
    expectClose(score('testing one two', 'testing').rouge1, {
      precision: 1,
      recall: 1 / 3,
      f1: 1 / 2,
    });
    expectClose(score('testing one two', 'testing one').rouge2, {
      precision: 1,
      recall: 1 / 2,
      f1: 2 / 3,
    });
    expectClose(score('testing one two', 'testing two').rougeL, {
      precision: 1,
      recall: 2 / 3,
      f1: 4 / 5,
    });
    const sum = score('w1 w2 w3 w4 w5', 'w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5').rougeLsum;
    expectClose(sum, { precision: 0.4, recall: 0.8, f1: 0.64 / 1.2 });
    const none = { precision: 0, recall: 0, f1: 0 };
    for (const [target, answer] of [
      ['testing one two', ''],
      ['', 'w1'],
      ['w1 w2', '/'],
    ] as const) {
      expect(score(target, answer)).toEqual({
        rouge1: none,
        rouge2: none,
        rougeL: none,
        rougeLsum: none,
      });
    }
  });

  test('the example of the docs of torchmetrics.text.rouge', () => {
    const { rouge1, rouge2, rougeL, rougeLsum } = score('Is your name John', 'My name is John');
    expect([rouge1.f1, rouge2.f1, rougeL.f1, rougeLsum.f1]).toEqual([0.75, 0, 0.5, 0.5]);
  });

  test("the example of rouge_scorer's docstring", () => {
    const item = {
      answer: 'The quick brown dog jumps on the log.',
      references: ['The quick brown fox jumps over the lazy dog'],
    };
    const { rouge1, rougeL } = measure(rouge({ stemmer: true }), [item]);
    expectClose(rouge1, { precision: 6 / 8, recall: 6 / 9, f1: 12 / 17 });
    expectClose(rougeL, { precision: 5 / 8, recall: 5 / 9, f1: 10 / 17 });
  });

  test('the stemmer joins forms of a word', () => {
    const item = { answer: 'jumping foxes', references: ['jumped fox'] };
    expect(measure(rouge(), [item]).rouge1.f1).toBe(0);
    expect(measure(rouge({ stemmer: true }), [item]).rouge1.f1).toBe(1);
  });

  test('takes the best reference and the mean over items', () => {
    const items = [
      { answer: 'a b', references: ['c', 'a b'] },
      { answer: 'x', references: ['y'] },
    ];
    expect(measure(rouge({ types: ['rouge1'] }), items)).toEqual({
      rouge1: { precision: 0.5, recall: 0.5, f1: 0.5 },
    });
    expect(() => measure(rouge(), [{ answer: 'a', references: [] }])).toThrow('no reference');
  });

  test('lies from 0 to 1, is 1 for the reference, and precision is the recall the other way round', () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        for (const { precision, recall, f1 } of Object.values(score(a, b))) {
          for (const share of [precision, recall, f1]) {
            expect(share).toBeGreaterThanOrEqual(0);
            expect(share).toBeLessThanOrEqual(1);
          }
        }
        expect(score(a, a).rougeLsum.f1).toBe(1);
        expect(score(a, b).rougeL.precision).toBe(score(b, a).rougeL.recall);
      }),
    );
  });
});

describe('sequenceError', () => {
  metricLaws(sequenceError, segment);
  const of = (answer: string, ...references: string[]) =>
    measure(sequenceError, [{ answer, references }]);

  test('counts tokens to be put in, left out and changed', () => {
    expect(of('K AE T', 'K AE T')).toEqual({ sequences: 0, tokens: 0 });
    expect(of('K AE', 'K AE T S')).toEqual({ sequences: 1, tokens: 2 / 4 });
    expect(of('K AE T S', 'K AE T')).toEqual({ sequences: 1, tokens: 1 / 3 });
    expect(of('K IH T', 'K AE T')).toEqual({ sequences: 1, tokens: 1 / 3 });
    expect(of('', 'K AE T')).toEqual({ sequences: 1, tokens: 1 });
    // The example of the word error rate's page of Hugging Face's evaluate.
    const predictions = ['this is the prediction', 'there is an other sample'];
    const references = [['this is the reference'], ['there is another one']];
    const items = predictions.map((answer, i) => ({ answer, references: references[i] ?? [] }));
    expect(measure(sequenceError, items).tokens).toBe(0.5);
  });

  test('takes the nearest reference: any pronunciation is right', () => {
    expect(of('R IY D', 'R EH D', 'R IY D')).toEqual({ sequences: 0, tokens: 0 });
    expect(of('R IY D Z', 'R EH D', 'R IY D')).toEqual({ sequences: 1, tokens: 1 / 3 });
    expect(() => of('R')).toThrow('no reference');
  });

  test('is a distance: none to itself, the same both ways, and no detour is shorter', () => {
    const distance = (a: string, b: string): number => of(a, b).tokens * b.split(' ').length;
    fc.assert(
      fc.property(words, words, words, (a, b, c) => {
        expect(distance(a, a)).toBe(0);
        expectClose(distance(a, b), distance(b, a));
        expect(distance(a, c)).toBeLessThanOrEqual(distance(a, b) + distance(b, c) + 1e-9);
      }),
    );
  });
});

test.each(Object.entries(reference.stems))("NLTK's stem of %s is %s", (word, stem) => {
  expect(porterStem(word)).toBe(stem);
});
