import {
  abs,
  add,
  bf16ToNumber,
  cast,
  cos,
  createReferenceBackend,
  type DType,
  div,
  dot,
  erf,
  exp,
  f16ToNumber,
  log,
  max,
  maximum,
  minimum,
  mul,
  neg,
  numberToBf16,
  numberToF16,
  prod,
  rsqrt,
  sin,
  sqrt,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

type Half = 'f16' | 'bf16';

/** A function of a half float, or two. */
type Compute = (a: Tensor, b: Tensor) => Tensor;

interface Arithmetic {
  readonly compute: Compute;
  /** Of f32, in one result. */
  readonly roundings: number;
}

const runs = Number(process.env.LORIKEET_RUNS ?? 20);
/** Half of the distance between 1 and the next f32: what one rounding to f32 is off by at most, of 1. */
const unit = 2 ** -24;
/** Any operation of a device may take an f32 that is smaller than this for 0, even `min`, as SwiftShader's does. */
const smallest = 2 ** -126;

const rounding: Readonly<Record<Half, (value: number) => number>> = {
  f16: (value) => f16ToNumber(numberToF16(value)),
  bf16: (value) => bf16ToNumber(numberToBf16(value)),
};

/**
 * The bound: a result is the half float nearest to some number within `error` of the exact result. So it lies between
 * what the ends of that range are rounded to, whether they are subnormal, normal or infinite.
 */
function requireRounded(half: Half, found: number, exact: number, error: number): void {
  if (Number.isNaN(exact)) {
    expect(found).toBeNaN();
    return;
  }
  const round = rounding[half];
  if (!Number.isFinite(exact)) {
    expect(found).toBe(exact);
    return;
  }
  const [low, high] = [round(exact - error), round(exact + error)];
  expect(found, `${found} for ${exact}, in ${half}`).toBeGreaterThanOrEqual(low);
  expect(found, `${found} for ${exact}, in ${half}`).toBeLessThanOrEqual(high);
}

const specials = [0, -0, 1, -1, Infinity, -Infinity, NaN, 65504, -65504, 2 ** -24, -(2 ** -24)];
const others = [2 ** -14, 3 * 2 ** -20, 3.3e38, -3.3e38, 1000, -300.5, 1 / 3, 2 ** -25];
/** Operands are 0 or at least `smallest`: what a device takes for 0 is no divisor. Half floats of f16 are all that large. */
function normal(value: number): number {
  return Math.abs(value) < smallest ? 0 : value;
}

const number = fc
  .oneof(
    { weight: 3, arbitrary: fc.double({ min: -8, max: 8, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: -1e-4, max: 1e-4, noNaN: true }) },
    { weight: 2, arbitrary: fc.constantFrom(...specials, ...others) },
  )
  .map(normal);
const half = fc.constantFrom<Half>('f16', 'bf16');

/** One unit in the last place of an f32 is at most so much of it. */
const lastPlace = 2 ** -23;

interface DeviceFunction {
  readonly compute: (x: Tensor) => Tensor;
  /** Of f32: what the result `y` for `x` may be off by. */
  readonly error: (x: number, y: number) => number;
}

/** What WGSL promises of its own functions, and what is found of those that it promises too little of. */
const functions: readonly DeviceFunction[] = [
  { compute: exp, error: (x, y) => (3 + 2 * Math.abs(x)) * lastPlace * y },
  {
    compute: log,
    error: (x, y) => (x >= 0.5 && x <= 2 ? 2 ** -21 : 3 * lastPlace * Math.abs(y)),
  },
  { compute: rsqrt, error: (_, y) => 2 * lastPlace * y },
  // 1 / inverseSqrt(x), of 2 and 2.5 units.
  { compute: sqrt, error: (_, y) => 5 * lastPlace * y },
  { compute: sin, error: () => 2 ** -22 },
  { compute: cos, error: () => 2 ** -22 },
  { compute: tanh, error: () => 2 ** -21 },
  { compute: erf, error: () => 2 ** -21 },
];

await describeOnWebgpu('half floats', (backend) => {
  const on = async (where: typeof backend | undefined, body: () => Tensor): Promise<number[]> => {
    const before = useBackend(where ?? createReferenceBackend());
    try {
      return Array.from(await body().data(), Number);
    } finally {
      useBackend(before);
    }
  };
  /** Results for half floats, and those for the same numbers in f64. */
  const both = async (
    dtype: Half,
    operands: readonly (readonly number[])[],
    compute: Compute,
    shape: readonly number[] = [operands[0]?.length ?? 0],
  ): Promise<readonly [found: number[], exact: number[]]> => {
    const [left = [], right = left] = operands.map((values) => values.map(rounding[dtype]));
    const result = (float: DType): Tensor =>
      compute(tensor(left, shape, float), tensor(right, shape, float));
    return [await on(backend, () => result(dtype)), await on(undefined, () => result('f64'))];
  };

  const arithmetic: readonly Arithmetic[] = [
    { compute: add, roundings: 1 },
    { compute: sub, roundings: 1 },
    { compute: mul, roundings: 1 },
    // WGSL: 2.5 units in the last place.
    { compute: div, roundings: 6 },
    { compute: neg, roundings: 0 },
    { compute: abs, roundings: 0 },
    { compute: maximum, roundings: 0 },
    { compute: minimum, roundings: 0 },
  ];
  for (const { compute, roundings } of arithmetic) {
    test(`${compute.name} is the half float nearest to what f32 gives`, async () => {
      await fc.assert(
        fc.asyncProperty(
          half,
          fc.array(fc.tuple(number, number), { minLength: 8, maxLength: 8 }),
          async (dtype, pairs) => {
            const operands = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
            const [found, exact] = await both(dtype, operands, compute);
            found.forEach((value, i) => {
              const wanted = exact[i] ?? Number.NaN;
              const isOver = Math.abs(wanted) > 3.4028235e38 && Number.isFinite(wanted);
              const error = roundings * unit * Math.abs(wanted) + smallest;
              // Behind the end of f32 there is infinity, in f64 not yet.
              requireRounded(dtype, value, isOver ? Math.sign(wanted) * Infinity : wanted, error);
            });
          },
        ),
        { numRuns: runs },
      );
    });
  }

  for (const { compute, error } of functions) {
    test(`${compute.name} is the half float nearest to what the device gives within its bound`, async () => {
      const drawn = fc.double({ min: -12, max: 12, noNaN: true }).map(normal);
      await fc.assert(
        fc.asyncProperty(
          half,
          fc.array(drawn, { minLength: 16, maxLength: 16 }),
          async (dtype, values) => {
            const [found, exact] = await both(dtype, [values], compute);
            found.forEach((value, i) => {
              const [x, y] = [rounding[dtype](values[i] ?? 0), exact[i] ?? Number.NaN];
              requireRounded(dtype, value, y, error(x, y) + smallest);
            });
          },
        ),
        { numRuns: runs },
      );
    });
  }

  test('a cast is rounded once, to nearest, with subnormals, infinity and NaN', async () => {
    await fc.assert(
      fc.asyncProperty(
        half,
        fc.array(fc.oneof(number, fc.float({ noNaN: true })), { minLength: 9, maxLength: 9 }),
        async (dtype, drawn) => {
          const values = drawn.map(Math.fround);
          const found = await on(backend, () => cast(tensor(values, [9]), dtype));
          found.forEach((value, i) => {
            const given = values[i] ?? Number.NaN;
            const isTiny = Math.abs(given) < smallest;
            expect(value === 0 && isTiny ? 0 : value).toBe(
              isTiny && value === 0 ? 0 : rounding[dtype](given),
            );
          });
        },
      ),
      { numRuns: runs },
    );
  });

  const terms = fc.array(fc.double({ min: -8, max: 8, noNaN: true }).map(normal), {
    minLength: 1,
    maxLength: 300,
  });

  test('sums take one rounding to f32 for each term, and one to the half float', async () => {
    await fc.assert(
      fc.asyncProperty(half, terms, fc.boolean(), async (dtype, drawn, isLarge) => {
        const values = isLarge ? drawn.map((value) => Math.abs(value) * 4000) : drawn;
        const [found, exact] = await both(dtype, [values], (x) => sum(x));
        const size = values.reduce((total, value) => total + Math.abs(rounding[dtype](value)), 0);
        requireRounded(dtype, found[0] ?? 0, exact[0] ?? 0, values.length * unit * size + smallest);
        const [most, mostExact] = await both(dtype, [values], (x) => max(x));
        requireRounded(dtype, most[0] ?? 0, mostExact[0] ?? 0, 0);
        const few = values.slice(0, 6);
        const [product, all] = await both(dtype, [few], (x) => prod(x));
        const wanted = all[0] ?? 0;
        requireRounded(dtype, product[0] ?? 0, wanted, 6 * unit * Math.abs(wanted) + smallest);
      }),
      { numRuns: runs },
    );
  });

  test('contractions sum in f32: n roundings of the sum of the sizes of their terms, and one to the half float', async () => {
    await fc.assert(
      fc.asyncProperty(half, terms, terms, async (dtype, left, right) => {
        const length = Math.min(left.length, right.length);
        const [a, b] = [left.slice(0, length), right.slice(0, length)];
        const [found, exact] = await both(
          dtype,
          [a, b],
          (x, y) => dot(x, y, { contract: [[1], [1]] }),
          [1, length],
        );
        const size = a.reduce(
          (total, value, i) =>
            total + Math.abs(rounding[dtype](value) * rounding[dtype](b[i] ?? 0)),
          0,
        );
        const error = (length + 1) * unit * size + length * smallest;
        requireRounded(dtype, found[0] ?? 0, exact[0] ?? 0, error);
      }),
      { numRuns: runs },
    );
  });
});
