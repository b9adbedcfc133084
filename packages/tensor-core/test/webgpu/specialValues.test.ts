import * as core from '@lorikeet/tensor-core';
import { type Tensor, tensor, useBackend } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';
import { onReference } from './onReference.ts';

const runs = { numRuns: Number(process.env.LORIKEET_RUNS ?? 20) };

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;

const { abs, ceil, cos, erf, exp, expm1, floor, log, log1p } = core;
const { neg, reciprocal, round, rsqrt, sign, sin, sqrt, square, tan, tanh } = core;
const { elu, gelu, logSigmoid, mish, relu, sigmoid, silu, softplus } = core;
const unary: readonly Unary[] = [
  ...[abs, ceil, cos, erf, exp, expm1, floor, core.isFinite, core.isNaN, log, log1p],
  ...[neg, reciprocal, round, rsqrt, sign, sin, sqrt, square, tan, tanh],
  ...[elu, gelu, logSigmoid, mish, relu, sigmoid, silu, softplus],
];
const { add, atan2, div, equal, greater, less, maximum, minimum, mod, mul, pow, sub } = core;
const binary: readonly Binary[] = [
  ...[add, atan2, div, equal, greater, less, maximum, minimum, mod, mul, pow, sub],
];

const numbers = [0, 1, 0.5, 2 ** -126, 1e-30, 3, 100, 3e4, 123456.7, 1e20, 1e38, Infinity];
const special = [...numbers, ...numbers.map((value) => -value), NaN];

/** The sign of zero is the device's own: WGSL lets it be ignored. */
function requireSame(found: ArrayLike<unknown>, wanted: ArrayLike<unknown>, of: string): void {
  for (let i = 0; i < wanted.length; i++) {
    const [got, exact] = [Number(found[i]), Number(wanted[i])];
    const isSame =
      Object.is(got, exact) ||
      got === exact ||
      Math.abs(got - exact) <= 1e-5 * Math.abs(exact) + 2 ** -125;
    expect(isSame, `${got} for ${exact}: ${of}, at ${i}`).toBe(true);
  }
}

await describeOnWebgpu('zeros, infinities, NaN and large numbers', (backend) => {
  const both = async (
    make: () => Tensor,
  ): Promise<readonly [found: ArrayLike<unknown>, wanted: ArrayLike<unknown>]> => {
    const before = useBackend(backend);
    try {
      return [await make().data(), await onReference(() => make().data())];
    } finally {
      useBackend(before);
    }
  };

  test.each(unary.map((op) => [op.name, op] as const))('%s', async (name, op) => {
    requireSame(...(await both(() => op(tensor(special, [special.length])))), name);
  });

  test.each(binary.map((op) => [op.name, op] as const))('%s', async (name, op) => {
    const rows = tensor(special, [special.length, 1]);
    const columns = tensor(special, [1, special.length]);
    requireSame(...(await both(() => op(rows, columns))), name);
  });

  test('a sine is that of its number however large, and the rest of a division is exact', async () => {
    const values = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 16,
      maxLength: 16,
    });
    // What is smaller may be taken for 0.
    const isNormal = (value: number): boolean => Math.abs(value) >= 2 ** -126;
    await fc.assert(
      fc.asyncProperty(values, values, async (drawn, others) => {
        const [left, right] = [drawn.filter(isNormal), others.filter(isNormal)];
        const size = Math.min(left.length, right.length);
        fc.pre(size > 0);
        const [a, b] = [left.slice(0, size), right.slice(0, size)];
        for (const op of [sin, cos]) {
          const [found, wanted] = await both(() => op(tensor(a, [size])));
          a.forEach((x, i) => {
            const error = Math.abs(Number(found[i]) - Number(wanted[i]));
            expect(error, `${op.name} of ${x}`).toBeLessThanOrEqual(2 ** -22);
          });
        }
        const [found, wanted] = await both(() => mod(tensor(a, [size]), tensor(b, [size])));
        a.forEach((x, i) => {
          const [exact, rest] = [Number(wanted[i]), x % (b[i] ?? 0)];
          if (![exact, rest].every((value) => value === 0 || isNormal(value))) return;
          expect(Number(found[i]) === exact, `${x} mod ${b[i]}: ${found[i]} for ${exact}`).toBe(
            true,
          );
        });
      }),
      runs,
    );
  });
});
