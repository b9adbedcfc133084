import {
  fourier,
  grad,
  haar,
  inverseFourier,
  inverseHaar,
  normal,
  randomKey,
  type Tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const noise = (shape: readonly number[], seed = 1): Tensor =>
  normal(randomKey(seed), shape).cast('f64');
const numbers = async (x: Tensor): Promise<number[]> => [...(await x.data())];
const expectClose = async (got: Tensor, expected: readonly number[]): Promise<void> => {
  const found = await numbers(got);
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 5);
};

/** The sums as they are defined. */
async function sums(re: Tensor, sign: number): Promise<{ re: number[]; im: number[] }> {
  const x = await numbers(re);
  const of = (fn: (angle: number) => number): number[] =>
    x.map((_, k) =>
      x.reduce((sum, value, j) => sum + value * fn((sign * 2 * Math.PI * j * k) / x.length), 0),
    );
  return { re: of(Math.cos), im: of(Math.sin) };
}

const sides = [1, 2, 7, 64, 127, 256, 257, 260, 768];
describe.each(sides)('the Fourier transform of %d numbers', (side) => {
  test('is the sum that it is defined by', async () => {
    const x = noise([side]);
    const { re, im } = fourier({ re: x });
    const expected = await sums(x, -1);
    await expectClose(re, expected.re);
    await expectClose(im, expected.im);
  });

  test('comes back', async () => {
    const x = { re: noise([2, side]), im: noise([2, side], 2) };
    const back = inverseFourier(fourier(x));
    await expectClose(back.re, await numbers(x.re));
    await expectClose(back.im, await numbers(x.im));
  });

  test('keeps lengths, and sends derivatives back by the transpose', async () => {
    // The squares of all parts are n times those of x, so that the derivative is 2 n x.
    const x = noise([side]);
    const slope = grad((re: Tensor) => {
      const parts = fourier({ re });
      return parts.re.mul(parts.re).add(parts.im.mul(parts.im)).sum();
    })(x);
    await expectClose(slope.mul(1 / (2 * side)), await numbers(x));
  });
});

test('without the division the inverse is a sum', async () => {
  const x = noise([6]);
  const { re } = inverseFourier({ re: x }, { normalize: false });
  await expectClose(re, (await sums(x, 1)).re);
});

test("Haar's wavelets are sums and differences of neighbours, an orthogonal map", async () => {
  const x = noise([3, 8]);
  const turned = haar(x);
  const [a = 0, b = 0] = await numbers(x);
  const found = await numbers(turned);
  expect(found[0]).toBeCloseTo((a + b) / Math.SQRT2, 6);
  expect(found[4]).toBeCloseTo((a - b) / Math.SQRT2, 6);
  await expectClose(inverseHaar(turned), await numbers(x));
  const y = noise([3, 8], 2);
  const slope = grad((input: Tensor) => haar(input).mul(y).sum())(x);
  await expectClose(slope, await numbers(inverseHaar(y)));
  expect(() => haar(noise([3]))).toThrow('even side');
  expect(() => inverseHaar(noise([3]))).toThrow('even side');
});
