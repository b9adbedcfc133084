import {
  calibrationError,
  confident,
  judge,
  measure,
  pearson,
  perplexity,
  spearman,
} from '@lorikeet/train/metrics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import reference from '../fixtures/metrics.json' with { type: 'json' };
import { expectClose, metricLaws } from './metricLaws.ts';

const { numbers } = reference;
const points = judge(numbers.truths, numbers.answers);
const value = fc.integer({ min: -8, max: 8 }).map((whole) => whole / 2);
const item = fc.record({ truth: value, answer: value });
const list = fc.array(item, { minLength: 2, maxLength: 20 });

describe.each([
  ['pearson', pearson, numbers.pearson],
  ['spearman', spearman, numbers.spearman],
] as const)('%s', (_, correlation, expected) => {
  // Each is a metric of its own state; the laws take one at a time.
  if (correlation === pearson) metricLaws(pearson, item);
  else metricLaws(spearman, item);
  const of = (judged: ReturnType<typeof judge<number>>): number =>
    correlation === pearson ? measure(pearson, judged) : measure(spearman, judged);

  test("is SciPy's", () => expectClose(of(points), expected));

  test('lies from -1 to 1, is symmetric, and 1 with itself', () => {
    fc.assert(
      fc.property(list, (judged) => {
        const truths = judged.map(({ truth }) => truth);
        const turned = judged.map(({ truth, answer }) => ({ truth: answer, answer: truth }));
        expectClose(of(turned), of(judged));
        if (new Set(truths).size === 1) expect(of(judged)).toBeNaN();
        else {
          expectClose(of(judge(truths, truths)), 1);
          expectClose(
            of(
              judge(
                truths,
                truths.map((truth) => 3 - 2 * truth),
              ),
            ),
            -1,
          );
          if (!Number.isNaN(of(judged))) expect(Math.abs(of(judged))).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

test('the examples of the docs of scipy.stats', () => {
  expect(measure(pearson, judge([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]))).toBeCloseTo(
    0.8320502943378436,
    12,
  );
  expect(measure(spearman, judge([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]))).toBeCloseTo(
    0.8207826816681233,
    12,
  );
});

test('a large offset costs Pearson no digits', () => {
  const far = numbers.truths.map((truth) => truth + 1e8);
  expect(measure(pearson, judge(far, numbers.answers))).toBeCloseTo(numbers.pearson, 7);
});

test('Spearman does not change with what keeps the order', () => {
  const bent = judge(numbers.truths.map(Math.exp), numbers.answers);
  expectClose(measure(spearman, bent), numbers.spearman);
});

describe('perplexity', () => {
  metricLaws(
    perplexity,
    fc.record({
      loss: fc.double({ min: 0, max: 9, noNaN: true }),
      tokens: fc.integer({ min: 1, max: 9 }),
    }),
  );

  test('is the size of the vocabulary for a uniform model, and 1 for a sure one', () => {
    expectClose(
      measure(perplexity, [{ loss: Math.log(50), tokens: 7 }, { loss: Math.log(50) }]),
      50,
    );
    expect(measure(perplexity, [{ loss: 0, tokens: 3 }])).toBe(1);
  });

  test('weighs by tokens, and takes batches without any', () => {
    const parts = [
      { loss: 1, tokens: 1 },
      { loss: 2, tokens: 3 },
      { loss: Number.NaN, tokens: 0 },
    ];
    expectClose(measure(perplexity, parts), Math.exp(7 / 4));
    expect(() => measure(perplexity, [{ loss: 1, tokens: -1 }])).toThrow('count of tokens');
  });
});

describe('calibrationError', () => {
  const confidence = fc.double({ min: 0, max: 1, noNaN: true });
  metricLaws(calibrationError(5), fc.record({ confidence, isRight: fc.boolean() }));

  test('the examples of the docs of torchmetrics.classification.BinaryCalibrationError', () => {
    const [confidences, truths] = [
      [0.25, 0.25, 0.55, 0.75, 0.75],
      [0, 0, 1, 1, 1],
    ];
    const items = confidences.map((sure, i) => ({ confidence: sure, isRight: truths[i] === 1 }));
    expect(measure(calibrationError(2), items).expected).toBeCloseTo(0.29, 4);
    expect(measure(calibrationError(2), items).largest).toBeCloseTo(0.3167, 4);
  });

  test('the examples of the docs of torchmetrics.classification.MulticlassCalibrationError', () => {
    const rows = [
      [0.25, 0.2, 0.55],
      [0.55, 0.05, 0.4],
      [0.1, 0.3, 0.6],
      [0.9, 0.05, 0.05],
    ];
    const items = rows.map((row, i) => confident(row, [0, 1, 2, 0][i] ?? 0));
    expect(measure(calibrationError(3), items).expected).toBeCloseTo(0.2, 4);
    expect(measure(calibrationError(3), items).largest).toBeCloseTo(0.2333, 4);
  });

  test('lies from 0 to 1, is 0 for sure and right answers, and puts an edge into the bin below it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ confidence, isRight: fc.boolean() }), { minLength: 1 }),
        (items) => {
          const { expected, largest, bins } = measure(calibrationError(), items);
          expect(expected).toBeLessThanOrEqual(largest + 1e-12);
          expect(largest).toBeLessThanOrEqual(1);
          expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(items.length);
        },
      ),
    );
    expect(measure(calibrationError(), [{ confidence: 1, isRight: true }]).expected).toBe(0);
    const { bins } = measure(calibrationError(2), [
      { confidence: 0.5, isRight: true },
      { confidence: 0, isRight: false },
    ]);
    expect(bins.map(({ count }) => count)).toEqual([2, 0]);
  });

  test('refuses what is no probability', () => {
    expect(() => measure(calibrationError(), [{ confidence: 1.2, isRight: true }])).toThrow(
      'a confidence is a probability',
    );
  });
});
