import { measure, normalizeAnswer, squad, squad2 } from '@lorikeet/train/metrics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { metricLaws } from './metricLaws.ts';

const text = fc.constantFrom('the cat', 'Cat!', 'a black cat', 'dog', '', 'in 1976', '1976.');

test('answers are compared without case, articles, punctuation and spare space', () => {
  expect(normalizeAnswer('  The "Café" of\tAn  A-b c. ')).toBe('café of ab c');
  expect(normalizeAnswer('another theatre')).toBe('another theatre');
  expect(normalizeAnswer('Än a')).toBe('än');
  expect(normalizeAnswer('The')).toBe('');
});

describe('squad', () => {
  const item = fc.record({
    answer: text,
    references: fc.array(text, { minLength: 1, maxLength: 3 }),
  });
  metricLaws(squad, item);

  test("the examples of the card of Hugging Face's squad metric", () => {
    expect(measure(squad, [{ answer: '1976', references: ['1976'] }])).toMatchObject({
      exactMatch: 100,
      f1: 100,
    });
    expect(measure(squad, [{ answer: '1999', references: ['1976'] }])).toMatchObject({
      exactMatch: 0,
      f1: 0,
    });
    const half = [
      { answer: '1976', references: ['1976'] },
      { answer: 'Beyonce', references: ['Beyoncé and Bruno Mars'] },
    ];
    expect(measure(squad, half)).toMatchObject({ exactMatch: 50, f1: 50 });
  });

  test('takes the best reference, and counts words as often as they occur', () => {
    const { exactMatch, f1 } = measure(squad, [
      { answer: 'big big cat', references: ['dog', 'the big cat', 'big cat sat'] },
    ]);
    expect(exactMatch).toBe(0);
    expect(f1).toBeCloseTo(100 * ((2 * (2 / 3) * 1) / (2 / 3 + 1)), 10);
  });

  test('lies from 0 to 100; a match is at most as good as F1 where there is a word', () => {
    fc.assert(
      fc.property(item, ({ answer, references }) => {
        const score = measure(squad, [{ answer, references }]);
        expect(score.f1).toBeGreaterThanOrEqual(0);
        expect(score.f1).toBeLessThanOrEqual(100);
        if (normalizeAnswer(answer) !== '')
          expect(score.f1).toBeGreaterThanOrEqual(score.exactMatch);
      }),
    );
  });

  test('refuses a question without a reference', () => {
    expect(() => measure(squad, [{ answer: 'x', references: [] }])).toThrow('use squad2');
  });
});

describe('squad2', () => {
  const item = fc.record({
    answer: text,
    references: fc.array(text, { maxLength: 2 }),
    noAnswerProbability: fc.constantFrom(0, 0.25, 0.5, 1),
  });
  metricLaws(squad2(0.3), item);

  test("the examples of the card of Hugging Face's squad_v2 metric", () => {
    const right = [{ answer: '1976', references: ['1976'], noAnswerProbability: 0 }];
    expect(measure(squad2(), right)).toMatchObject({
      exactMatch: 100,
      f1: 100,
      total: 1,
      answerable: { exactMatch: 100, f1: 100, total: 1 },
      best: { exactMatch: 100, exactMatchThreshold: 0, f1: 100, f1Threshold: 0 },
    });
  });

  test('no answer is right where there is none, and only there', () => {
    const score = measure(squad2(), [
      { answer: '', references: [] },
      { answer: 'x', references: [] },
      { answer: '', references: ['x'] },
      { answer: 'the', references: ['the', 'a'] },
    ]);
    expect(score).toMatchObject({
      exactMatch: 50,
      f1: 50,
      answerable: { exactMatch: 50, total: 2 },
      unanswerable: { exactMatch: 50, total: 2 },
    });
  });

  test('a threshold takes answers back, and the best one is found', () => {
    const items = [
      { answer: 'right', references: ['right'], noAnswerProbability: 0.1 },
      { answer: 'wrong', references: [], noAnswerProbability: 0.8 },
      { answer: 'half', references: ['half time'], noAnswerProbability: 0.3 },
    ];
    expect(measure(squad2(), items).exactMatch).toBeCloseTo(100 / 3, 10);
    expect(measure(squad2(0.5), items).exactMatch).toBeCloseTo(200 / 3, 10);
    const { best } = measure(squad2(), items);
    expect(best.exactMatch).toBeCloseTo(200 / 3, 10);
    expect(best.exactMatchThreshold).toBe(0.1);
    expect(best.f1).toBeCloseTo((100 * (1 + 2 / 3 + 1)) / 3, 10);
    expect(best.f1Threshold).toBe(0.3);
    expect(measure(squad2(0.3), items).f1).toBeCloseTo(best.f1, 10);
  });

  test('no threshold is better than the best', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 8 }), (items) => {
        // An answer that is empty by itself is not to be had with any threshold, so that the search leaves it out.
        const given = items.map((one) => ({ ...one, answer: one.answer || 'none of these' }));
        const { best } = measure(squad2(), given);
        for (const threshold of [-1, 0, 0.25, 0.5, 1])
          expect(measure(squad2(threshold), given).f1).toBeLessThanOrEqual(best.f1 + 1e-9);
        const found = best.f1Threshold === 0 ? [0, -1] : [best.f1Threshold];
        expect(found.some((one) => Math.abs(measure(squad2(one), given).f1 - best.f1) < 1e-6)).toBe(
          true,
        );
      }),
    );
  });

  test('questions that are equally sure are answered together', () => {
    const items = [
      { answer: 'x', references: ['x'], noAnswerProbability: 1 },
      { answer: 'x', references: [], noAnswerProbability: 1 },
    ];
    expect(measure(squad2(), items).best.exactMatch).toBe(50);
  });
});
