import { accuracy, fScore, judge, matthews, measure } from '@lorikeet/train/metrics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import reference from '../fixtures/metrics.json' with { type: 'json' };
import { expectClose, metricLaws } from './metricLaws.ts';

const { classes } = reference;
const items = judge(classes.truths, classes.answers);
const label = fc.integer({ min: 0, max: 3 });
const item = fc.record({ truth: label, answer: label });
const list = fc.array(item, { minLength: 1, maxLength: 20 });
const [twos, others] = [
  classes.truths.map((truth) => Number(truth === 2)),
  classes.answers.map((answer) => Number(answer === 2)),
];

describe('accuracy', () => {
  metricLaws(accuracy, item);

  test("is scikit-learn's", () => {
    expectClose(measure(accuracy, items), classes.accuracy);
    // From the docs of sklearn.metrics.accuracy_score.
    expect(measure(accuracy, judge([0, 1, 2, 3], [0, 2, 1, 3]))).toBe(0.5);
  });
});

describe('fScore', () => {
  describe('macro', () => metricLaws(fScore({ average: 'macro' }), item));
  describe('weighted', () => metricLaws(fScore({ average: 'weighted' }), item));

  test.each(['micro', 'macro', 'weighted'] as const)("%s is scikit-learn's", (average) => {
    const { precision, recall, f1 } = measure(fScore({ average }), items);
    expectClose([precision, recall, f1], classes[average]);
  });

  test("of one class and of some labels is scikit-learn's", () => {
    const binary = measure(fScore(), judge(twos, others));
    expectClose([binary.precision, binary.recall, binary.f1], classes.binary);
    const some = measure(fScore({ average: 'micro', labels: [1, 2] }), items);
    expectClose([some.precision, some.recall, some.f1], classes.some_labels);
  });

  test('the example of the docs of sklearn.metrics.f1_score', () => {
    const example = judge([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1]);
    expect(measure(fScore({ average: 'macro' }), example).f1).toBeCloseTo(0.267, 3);
    expect(measure(fScore({ average: 'micro' }), example).f1).toBeCloseTo(0.333, 3);
    expect(measure(fScore({ average: 'weighted' }), example).f1).toBeCloseTo(0.267, 3);
    const { labels } = measure(fScore({ average: 'macro' }), example);
    expect(labels['0']?.f1).toBeCloseTo(0.8, 12);
    expect([labels['1']?.f1, labels['2']?.f1]).toEqual([0, 0]);
  });

  test('lies from 0 to 1, is 1 for right answers alone, and micro over all labels is the accuracy', () => {
    fc.assert(
      fc.property(list, (judged) => {
        for (const average of ['macro', 'micro', 'weighted'] as const) {
          const { precision, recall, f1 } = measure(fScore({ average }), judged);
          for (const value of [precision, recall, f1]) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(1 + 1e-12);
          }
          const right = judged.map(({ truth }) => ({ truth, answer: truth }));
          expectClose(measure(fScore({ average }), right).f1, 1);
        }
        expectClose(measure(fScore({ average: 'micro' }), judged).f1, measure(accuracy, judged));
      }),
    );
  });

  test('precision is the recall of truths and answers exchanged', () => {
    fc.assert(
      fc.property(list, (judged) => {
        const turned = judged.map(({ truth, answer }) => ({ truth: answer, answer: truth }));
        const metric = fScore({ average: 'macro' });
        expect(measure(metric, turned).precision).toBe(measure(metric, judged).recall);
      }),
    );
  });

  test('takes names that objects have themselves', () => {
    const { labels } = measure(fScore({ average: 'macro' }), judge(['__proto__'], ['constructor']));
    expect(Object.keys(labels).sort()).toEqual(['__proto__', 'constructor']);
  });

  test('needs as many answers as truths, and a label', () => {
    expect(() => judge([1], [1, 2])).toThrow('as many answers as truths');
    expect(() => measure(fScore({ labels: [], average: 'macro' }), items)).toThrow(
      'at least one label',
    );
  });
});

describe('matthews', () => {
  metricLaws(matthews, item);

  test("is scikit-learn's, of two classes and of more", () => {
    expectClose(measure(matthews, items), classes.matthews);
    expectClose(measure(matthews, judge(twos, others)), classes.binary_matthews);
    // From the docs of sklearn.metrics.matthews_corrcoef.
    expect(measure(matthews, judge([1, 1, 1, -1], [1, -1, 1, 1]))).toBeCloseTo(-0.333, 3);
  });

  test('lies from -1 to 1, is symmetric, 1 for right answers and -1 for wrong ones of two classes', () => {
    fc.assert(
      fc.property(list, (judged) => {
        const value = measure(matthews, judged);
        expect(Math.abs(value)).toBeLessThanOrEqual(1);
        const turned = judged.map(({ truth, answer }) => ({ truth: answer, answer: truth }));
        expectClose(measure(matthews, turned), value);
      }),
    );
    expect(measure(matthews, judge([0, 1, 2, 1], [0, 1, 2, 1]))).toBeCloseTo(1, 12);
    expect(measure(matthews, judge([0, 1, 1], [1, 0, 0]))).toBeCloseTo(-1, 12);
    expect(measure(matthews, judge([0, 1], [1, 1]))).toBe(0);
  });
});
