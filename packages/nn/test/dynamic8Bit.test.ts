import { tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeDynamic8Bit, encodeDynamic8Bit } from '../src/optimizers/dynamic8Bit.ts';

async function roundTrip(values: readonly number[], isSigned: boolean): Promise<number[]> {
  const coded = encodeDynamic8Bit(tensor([...values]), isSigned);
  return [...(await decodeDynamic8Bit(coded, [values.length]).data())].map(Number);
}

/** Half of the distance between neighbours at a share of the largest: by how many powers of ten it is below 1. */
function boundAt(share: number, isSigned: boolean): number {
  const exponents = isSigned ? 7 : 8;
  const exponent = Math.floor(-Math.log10(share) + 1e-6);
  if (exponent >= exponents) return isSigned ? 1e-7 : 0.55e-7;
  return (0.45 * 10 ** -exponent) / 2 ** (exponents - 1 - exponent) + 1e-6 * 10 ** -exponent;
}

test.each([true, false])(
  'each value is off by half a step at most (signed: %s)',
  async (isSigned) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.double({ min: -9, max: 0, noNaN: true }), fc.boolean()), {
          minLength: 1,
          maxLength: 300,
        }),
        async (drawn) => {
          const values = drawn.map(([power, isNegative]) =>
            Math.fround(10 ** power * (isSigned && isNegative ? -1 : 1)),
          );
          const found = await roundTrip(values, isSigned);
          values.forEach((value, i) => {
            const block = values.slice(256 * Math.floor(i / 256), 256 * Math.floor(i / 256) + 256);
            const largest = Math.max(...block.map(Math.abs));
            const share = Math.abs(value) / largest;
            expect(Math.abs((found[i] ?? 0) - value) / largest).toBeLessThanOrEqual(
              boundAt(share, isSigned) * 1.001,
            );
          });
        },
      ),
      { numRuns: Number(process.env.LORIKEET_RUNS ?? 40) },
    );
  },
);

test('zeros stay zeros, and blocks have scales of their own', async () => {
  expect(await roundTrip(new Array(300).fill(0), true)).toEqual(new Array(300).fill(0));
  const values = [...new Array(256).fill(1), ...new Array(10).fill(1e-6)];
  const found = await roundTrip(values, false);
  expect(found[0]).toBeCloseTo(1, 1);
  expect((found[260] ?? 0) / 1e-6).toBeCloseTo(1, 1);
});

test('codes have a sign, and use all of the byte', async () => {
  const signed = [...(await encodeDynamic8Bit(tensor([-1, 1, -1e-3, 0]), true).codes.data())].slice(
    0,
    4,
  );
  expect(signed).toEqual([-127, 127, expect.any(Number), 0]);
  expect(signed[2]).toBeLessThan(0);
  const bare = [...(await encodeDynamic8Bit(tensor([1, 0, 1e-20]), false).codes.data())].slice(
    0,
    3,
  );
  expect(bare).toEqual([255, 0, 1]);
});
