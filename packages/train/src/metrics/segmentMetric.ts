import { LorikeetError } from '@lorikeet/tensor-core';
import { type Metric, nothingToMeasure } from './metric.ts';
import { addNumbers } from './sumMetric.ts';

/** A text that a system wrote, beside those that people did. */
export interface Segment {
  readonly answer: string;
  readonly references: readonly string[];
}

export interface SegmentState {
  readonly sums: readonly number[];
  /** The least and the largest number of references of a segment. */
  readonly references: readonly [least: number, most: number];
}

/** The version of sacreBLEU whose counting is followed; the suffix tells that it was not sacreBLEU that counted. */
const version = '2.6.0-lorikeet';

/** A metric of a corpus that follows from sums of numbers of its segments. */
export function segmentMetric<Result>(
  numbersOf: (segment: Segment) => readonly number[],
  result: (sums: readonly number[], signature: (settings: string) => string) => Result,
): Metric<Segment, SegmentState, Result> {
  return {
    init: { sums: [], references: [Number.MAX_SAFE_INTEGER, 0] },
    add: (state, segments) => segments.reduce(addSegment, state),
    result({ sums, references: [least, most] }) {
      if (sums.length === 0) throw nothingToMeasure();
      const count = least === most ? most : 'var';
      return result(sums, (settings) => `nrefs:${count}|${settings}|version:${version}`);
    },
  };

  function addSegment(state: SegmentState, segment: Segment): SegmentState {
    const count = segment.references.length;
    if (count === 0) throw new LorikeetError('invalid-argument', 'a segment has no reference');
    const [least, most] = state.references;
    return {
      sums: addNumbers(state.sums, numbersOf(segment)),
      references: [Math.min(least, count), Math.max(most, count)],
    };
  }
}
