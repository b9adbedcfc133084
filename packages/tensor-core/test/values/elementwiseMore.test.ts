import * as t from '@lorikeet/tensor-core';
import { type DType, grad, sum, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data());
const of = (numbers: readonly number[], dtype: DType = 'f64'): Tensor =>
  tensor([...numbers], [numbers.length], dtype);

describe('rounding', () => {
  const x = of([-2.5, -1.5, -0.5, -0, 0.5, 1.5, 2.5, 2.4, infinity, -infinity, nan]);

  test('to whole numbers', async () => {
    expect(await values(t.floor(x))).toEqual([
      -3,
      -2,
      -1,
      -0,
      0,
      1,
      2,
      2,
      infinity,
      -infinity,
      nan,
    ]);
    expect(await values(t.ceil(x))).toEqual([-2, -1, -0, -0, 1, 2, 3, 3, infinity, -infinity, nan]);
  });

  test('half way goes to the even number, and keeps the sign of zero', async () => {
    const rounded = await values(t.round(x));
    expect(rounded).toEqual([-2, -2, -0, -0, 0, 2, 2, 2, infinity, -infinity, nan]);
    expect(await values(t.round(of([2251799813685248.5, -3.7, -0.2])))).toEqual([
      2251799813685248, -4, -0,
    ]);
  });
});

test('log1p and tan keep the digits of small numbers', async () => {
  const small = of([1e-12, -1e-12, 0, -1, infinity]);
  expect(await values(t.log1p(small))).toEqual([
    1e-12 - 5e-25,
    -1e-12 - 5e-25,
    0,
    -infinity,
    infinity,
  ]);
  expect(await values(t.tan(of([1e-12, Math.PI / 4, -0])))).toEqual([
    1e-12,
    Math.tan(Math.PI / 4),
    -0,
  ]);
});

test('what is no number', async () => {
  expect(await values(t.isNaN(of([nan, infinity, 0, 1])))).toEqual([1, 0, 0, 0]);
  expect(t.isNaN(of([nan])).dtype).toBe('bool');
});

test('the remainder has the sign of the divisor', async () => {
  const [a, b] = [of([7, -7, 7, -7, 5.5, -1, 1]), of([3, 3, -3, -3, 2, infinity, 0])];
  expect(await values(t.mod(a, b))).toEqual([1, 2, -2, -1, 1.5, infinity, nan]);
  expect(await values(t.mod(of([7, -7], 'i32'), 3))).toEqual([1, 2]);
  expect(await values(grad((x: Tensor) => sum(t.mod(x, 3)))(of([-7.5])))).toEqual([1]);
  expect(await values(grad((x: Tensor) => sum(t.mod(7, x)))(of([3])))).toEqual([-2]);
});

test('the angle of a point, on all sides', async () => {
  const [y, x] = [of([1, 1, -1, -1, 0, 0, -0]), of([1, -1, 1, -1, 1, -1, -1])];
  const pi = Math.PI;
  expect(await values(t.atan2(y, x))).toEqual([
    pi / 4,
    (3 * pi) / 4,
    -pi / 4,
    (-3 * pi) / 4,
    0,
    pi,
    -pi,
  ]);
});

test('comparisons: of numbers, of NaN, of integers that f32 cannot tell apart', async () => {
  const [a, b] = [of([1, 2, 3, nan]), of([2, 2, 2, nan])];
  expect(await values(t.notEqual(a, b))).toEqual([1, 0, 1, 1]);
  expect(await values(t.lessEqual(a, b))).toEqual([1, 1, 0, 0]);
  expect(await values(t.greaterEqual(a, b))).toEqual([0, 1, 1, 0]);
  const large = of([2 ** 31 - 1], 'i32');
  expect(await values(t.lessEqual(large, 2 ** 31 - 2))).toEqual([0]);
  expect(t.notEqual(a, b).dtype).toBe('bool');
});

test('logic', async () => {
  const [a, b] = [of([0, 0, 1, 1], 'bool'), of([0, 1, 0, 1], 'bool')];
  expect(await values(t.logicalOr(a, b))).toEqual([0, 1, 1, 1]);
  expect(await values(t.logicalXor(a, b))).toEqual([0, 1, 1, 0]);
  expect(await values(t.logicalXor(of([3]), of([5])))).toEqual([0]);
});

describe('bits', () => {
  const [a, b] = [of([0b1100, -1], 'i32'), of([0b1010, 7], 'i32')];

  test('of signed integers', async () => {
    expect(await values(t.bitwiseAnd(a, b))).toEqual([0b1000, 7]);
    expect(await values(t.bitwiseOr(a, b))).toEqual([0b1110, -1]);
    expect(await values(t.bitwiseXor(a, b))).toEqual([0b0110, -8]);
    expect(await values(t.bitwiseNot(a))).toEqual([-13, 0]);
  });

  test('of unsigned integers, up to the highest', async () => {
    const [x, y] = [of([0xf0f0f0f0], 'u32'), of([0xff00ff00], 'u32')];
    expect(await values(t.bitwiseAnd(x, y))).toEqual([0xf000f000]);
    expect(await values(t.bitwiseOr(x, y))).toEqual([0xfff0fff0]);
    expect(await values(t.bitwiseXor(x, y))).toEqual([0x0ff00ff0]);
    expect(await values(t.bitwiseNot(x))).toEqual([0x0f0f0f0f]);
    expect(await values(t.shiftLeft(x, 8))).toEqual([0xf0f0f000]);
    expect(await values(t.bitwiseNot(of([1], 'u8')))).toEqual([254]);
  });

  test('shifted right keep the sign of a signed integer', async () => {
    expect(await values(t.shiftRight(of([0xf0000000], 'u32'), 28))).toEqual([15]);
    expect(await values(t.shiftRight(of([-16, 16], 'i32'), 2))).toEqual([-4, 4]);
    expect(await values(t.shiftRight(of([-128], 'i8'), 7))).toEqual([-1]);
    expect(await values(t.shiftRight(of([200], 'u8'), 3))).toEqual([25]);
  });

  test('floats have none', () => {
    expect(() => t.bitwiseAnd(of([1]), of([1]))).toThrow(/bitwiseAnd: input cannot be f64/);
    expect(() => t.bitwiseNot(of([1]))).toThrow(/bitwiseNot: input cannot be f64/);
  });
});

describe('activations', () => {
  const far = [-1000, 1000];
  const slopes = (fn: (x: Tensor) => Tensor, at: readonly number[]): Promise<number[]> =>
    values(grad((x: Tensor) => sum(fn(x)))(of(at)));

  // Values of PyTorch at -2, -0.5, 0.5 and 2.
  test.each([
    ['softplus', t.softplus, [0.126928, 0.474077, 0.974077, 2.126928]],
    ['logSigmoid', t.logSigmoid, [-2.126928, -0.974077, -0.474077, -0.126928]],
    ['mish', t.mish, [-0.252501, -0.220744, 0.375248, 1.943959]],
    ['quickGelu', t.quickGelu, [-0.064338, -0.149613, 0.350387, 1.935662]],
    ['elu', t.elu, [-0.864665, -0.393469, 0.5, 2]],
    ['celu', (x: Tensor) => t.celu(x, 2), [-1.264241, -0.442398, 0.5, 2]],
    ['selu', t.selu, [-1.520167, -0.691758, 0.52535, 2.101402]],
    ['leakyRelu', t.leakyRelu, [-0.02, -0.005, 0.5, 2]],
    ['relu6', t.relu6, [0, 0, 0.5, 2]],
    ['hardTanh', t.hardTanh, [-1, -0.5, 0.5, 1]],
    ['hardSigmoid', t.hardSigmoid, [1 / 6, 5 / 12, 7 / 12, 5 / 6]],
    ['hardSwish', t.hardSwish, [-1 / 3, -5 / 24, 7 / 24, 5 / 3]],
  ] as const)('%s', async (_, fn, expected) => {
    expect(await values(fn(of([-2, -0.5, 0.5, 2])))).toEqual(
      expected.map((v) => expect.closeTo(v, 5)),
    );
    for (const value of await values(fn(of(far)))) expect(Number.isFinite(value)).toBe(true);
    for (const slope of await slopes(fn, far)) expect(Number.isFinite(slope)).toBe(true);
  });

  test('far out they are straight lines', async () => {
    expect(await values(t.softplus(of(far)))).toEqual([0, 1000]);
    expect(await values(t.logSigmoid(of(far)))).toEqual(near([-1000, -0]));
    expect(await slopes(t.softplus, far)).toEqual([0, 1]);
    expect(await slopes(t.mish, far)).toEqual(near([0, 1]));
  });

  test('at a kink the derivative is one-sided', async () => {
    expect(await slopes(t.relu6, [0, 6])).toEqual([0, 0]);
    expect(await slopes(t.hardTanh, [-1, 1])).toEqual([0, 0]);
    expect(await slopes(t.leakyRelu, [0])).toEqual([0.01]);
  });
});

describe('clamp', () => {
  test('keeps numbers between bounds, and lets derivatives through at them', async () => {
    const x = of([-2, -1, 0, 0.5, 3, nan]);
    expect(await values(t.clamp(x, -1, 0.5))).toEqual([-1, -1, 0, 0.5, 0.5, nan]);
    expect(await values(t.clamp(x, -1))).toEqual([-1, -1, 0, 0.5, 3, nan]);
    expect(await values(t.clamp(x, undefined, 0))).toEqual([-2, -1, 0, 0, 0, nan]);
    expect(
      await values(grad((y: Tensor) => sum(t.clamp(y, -1, 0.5)))(of([-2, -1, 0, 0.5, 3]))),
    ).toEqual([0, 1, 1, 1, 0]);
  });

  test('refuses bounds that are the wrong way round', () => {
    expect(() => t.clamp(of([1]), 2, 1)).toThrow(
      /clamp: the bounds are the wrong way round[\s\S]*received: 2 and 1/,
    );
  });
});

describe('losses', () => {
  const [x, target] = [of([1, -2, 0.5]), of([0, 1, 1])];

  test('of squares', async () => {
    expect(await t.meanSquaredError(x, target).item()).toBeCloseTo((1 + 9 + 0.25) / 3);
    expect(await t.meanSquaredError(x, target, { reduction: 'sum' }).item()).toBe(10.25);
    expect(await values(t.meanSquaredError(x, target, { reduction: 'none' }))).toEqual([
      1, 9, 0.25,
    ]);
  });

  test('of squares that become lines', async () => {
    expect(await values(t.huber(x, target, { delta: 2, reduction: 'none' }))).toEqual([
      0.5, 4, 0.125,
    ]);
    expect(await values(t.smoothL1(x, target, { beta: 2, reduction: 'none' }))).toEqual([
      0.25, 2, 0.0625,
    ]);
    const slope = grad((y: Tensor) => t.huber(y, target, { reduction: 'sum' }))(x);
    expect(await values(slope)).toEqual([1, -1, -0.5]);
  });

  test('of two classes, stable far out, with weights', async () => {
    const [logits, labels] = [of([-1000, 1000, 0]), of([0, 1, 1])];
    expect(await values(t.binaryCrossEntropy(logits, labels, { reduction: 'none' }))).toEqual(
      near([0, 0, Math.LN2]),
    );
    const weighted = t.binaryCrossEntropy(of([0, 0]), of([1, 0]), {
      weight: of([1, 10]),
      posWeight: of([3]),
      reduction: 'sum',
    });
    expect(await weighted.item()).toBeCloseTo(13 * Math.LN2);
    const slope = grad((y: Tensor) => t.binaryCrossEntropy(y, labels, { reduction: 'sum' }))(
      logits,
    );
    expect(await values(slope)).toEqual(near([0, 0, -0.5]));
  });

  test('of distributions, at 0 too', async () => {
    const [logQ, p] = [
      t.log(
        tensor(
          [
            [0.5, 0.5],
            [0.25, 0.75],
          ],
          undefined,
          'f64',
        ),
      ),
      tensor(
        [
          [1, 0],
          [0.5, 0.5],
        ],
        undefined,
        'f64',
      ),
    ];
    const second = 0.5 * Math.log(2) + 0.5 * Math.log(2 / 3);
    expect(await t.klDivergence(logQ, p, { reduction: 'batchmean' }).item()).toBeCloseTo(
      (Math.LN2 + second) / 2,
      10,
    );
    expect(await t.klDivergence(logQ, p).item()).toBeCloseTo((Math.LN2 + second) / 4, 10);
    const ofLogs = t.klDivergence(logQ, logQ, { logTarget: true, reduction: 'none' });
    expect(await nested(ofLogs)).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(() => t.klDivergence(of([]).sum(), of([]).sum(), { reduction: 'batchmean' })).toThrow(
      /klDivergence: a scalar has no batch/,
    );
  });
});
