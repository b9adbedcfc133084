import { type Metric, measure } from '@lorikeet/train/metrics';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** What holds for every metric: how items are batched changes no bit, their order nothing, and a state survives JSON. */
export function metricLaws<Item, State, Result>(
  metric: Metric<Item, State, Result>,
  item: fc.Arbitrary<Item>,
): void {
  const batches = fc.array(fc.array(item, { maxLength: 5 }), { minLength: 1, maxLength: 5 });

  test('batch by batch gives the same bits as all at once, also through JSON', () => {
    fc.assert(
      fc.property(batches, (parts) => {
        fc.pre(parts.flat().length > 0);
        let state = metric.init;
        for (const part of parts) state = JSON.parse(JSON.stringify(metric.add(state, part)));
        expect(metric.result(state)).toEqual(measure(metric, parts.flat()));
      }),
    );
  });

  test('the order of the items does not matter', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 12 }), (items) => {
        expectClose(measure(metric, items.toReversed()), measure(metric, items));
      }),
    );
  });

  test('adding changes no state', () => {
    const before = JSON.stringify(metric.init);
    const state = metric.add(metric.init, fc.sample(item, { numRuns: 3, seed: 1 }));
    const kept = JSON.stringify(state);
    metric.add(state, fc.sample(item, { numRuns: 3, seed: 2 }));
    expect(JSON.stringify(metric.init)).toBe(before);
    expect(JSON.stringify(state)).toBe(kept);
  });

  test('of nothing there is no figure', () => {
    expect(() => measure(metric, [])).toThrow('there is nothing to measure');
  });
}

/** Equal but for the rounding of sums. */
export function expectClose(actual: unknown, expected: unknown): void {
  if (typeof actual === 'number' && typeof expected === 'number') {
    if (Number.isNaN(expected)) expect(actual).toBeNaN();
    else
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(
        1e-9 * Math.max(1, Math.abs(expected)),
      );
  } else if (typeof actual === 'object' && actual !== null && typeof expected === 'object') {
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected ?? {}).sort());
    for (const [key, value] of Object.entries(actual))
      expectClose(value, new Map(Object.entries(expected ?? {})).get(key));
  } else expect(actual).toEqual(expected);
}
