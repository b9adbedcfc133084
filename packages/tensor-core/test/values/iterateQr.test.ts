import fc from 'fast-check';
import { expect, test } from 'vitest';
import { iterateQr } from '../../src/decompositions/iterateQr.ts';

const number = fc.oneof(
  fc.constantFrom(0, 1, -1, 1e-16, 5.02043345477432e-17, 1e-170),
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.integer({ min: -40, max: 0 }).map((power) => 10 ** power),
);

// What does not come to an end is decomposed in another way, so that no result would show it.
test('QR iteration comes to an end, whatever is zero, equal or small', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 24 }),
      fc.boolean(),
      (rows, hasLeft) => {
        const diagonal = Float64Array.from(rows, ([element]) => element);
        const beside = Float64Array.from(rows, ([, element]) => element);
        const found = iterateQr(diagonal, beside, { floor: 1e-60, hasLeft });
        expect(found?.values.every((value) => value >= 0 && value <= 3)).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});
