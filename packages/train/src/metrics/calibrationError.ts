import { LorikeetError } from '@lorikeet/tensor-core';
import type { Metric } from './metric.ts';
import { ratio, sumMetric } from './sumMetric.ts';

/** An answer with the probability that the model gave it. */
export interface Confident {
  /** From 0 to 1. */
  readonly confidence: number;
  readonly isRight: boolean;
}

export interface CalibrationBin {
  readonly count: number;
  /** Means over the bin; 0 where it is empty. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  /** Mean distance of confidence and accuracy, weighted by the bins' counts (ECE). */
  readonly expected: number;
  /** Largest distance of a bin that is not empty (MCE). */
  readonly largest: number;
  readonly bins: readonly CalibrationBin[];
}

/**
 * How far a classifier's confidence is from its accuracy, in bins of equal width, each with its upper edge.
 * Guo et al., "On calibration of modern neural networks" (ICML 2017).
 *
 * @param bins how many. Defaults to 15, as in the paper.
 */
export function calibrationError(bins = 15): Metric<Confident, readonly number[], Calibration> {
  return sumMetric(
    ({ confidence, isRight }) => {
      if (!(confidence >= 0 && confidence <= 1)) {
        throw new LorikeetError('invalid-argument', 'a confidence is a probability', {
          expected: 'a number from 0 to 1',
          received: String(confidence),
        });
      }
      const numbers = new Array<number>(3 * bins).fill(0);
      const bin = Math.max(0, Math.ceil(confidence * bins) - 1);
      numbers.splice(3 * bin, 3, 1, confidence, isRight ? 1 : 0);
      return numbers;
    },
    (sums) => calibrationOf(sums, bins),
  );
}

function calibrationOf(sums: readonly number[], bins: number): Calibration {
  const each = Array.from({ length: bins }, (_, i): CalibrationBin => {
    const [count = 0, confidence = 0, right = 0] = sums.slice(3 * i, 3 * i + 3);
    return { count, confidence: ratio(confidence, count), accuracy: ratio(right, count) };
  });
  const all = each.reduce((sum, { count }) => sum + count, 0);
  const gaps = each.map(({ confidence, accuracy }) => Math.abs(confidence - accuracy));
  return {
    expected: gaps.reduce((sum, gap, i) => sum + (gap * (each[i]?.count ?? 0)) / all, 0),
    largest: Math.max(...gaps),
    bins: each,
  };
}

/** The answer that probabilities (or any scores that are larger for likelier classes) give, the first where several do. */
export function confident(probabilities: readonly number[], truth: number): Confident {
  const confidence = Math.max(...probabilities);
  return { confidence, isRight: probabilities.indexOf(confidence) === truth };
}
