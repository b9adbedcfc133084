import * as t from '@lorikeet/tensor-core';
import {
  backward,
  dequantize,
  packedTensor,
  type QuantizedDType,
  quantize,
  quantizedDot,
  quantizedDotOp,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nested } from '../nested.ts';

const dtypes: readonly QuantizedDType[] = ['i8', 'u8', 'i4', 'u4'];
const scales = tensor([
  [0.5, 2],
  [0.25, -1],
]);

describe('dequantize', () => {
  test.each([
    ['i8', [1, -2, 3, 127, -128, 0], [0.5, -1, 6, 31.75, -32, -0]],
    ['u8', [129, 126, 131, 255, 0, 128], [0.5, -1, 6, 31.75, -32, -0]],
    ['i4', [1, -2, 3, 7, -8, 0], [0.5, -1, 6, 1.75, -2, -0]],
    ['u4', [9, 6, 11, 15, 0, 8], [0.5, -1, 6, 1.75, -2, -0]],
  ] as const)(
    'of %s takes 0 for the middle, and a shorter last block',
    async (dtype, q, values) => {
      const plain = dequantize(tensor([...q], [2, 3], dtype), scales, null, 2);
      expect([plain.dtype, await nested(plain)]).toEqual([
        'f32',
        [values.slice(0, 3), values.slice(3)],
      ]);
    },
  );

  test('takes zero points away first', async () => {
    const zeroPoints = tensor([0, 200, 255, 1], [2, 2], 'u8');
    const weight = tensor([1, 2, 255, 255, 0, 0], [2, 3], 'u8');
    expect(await nested(dequantize(weight, scales, zeroPoints, 2))).toEqual([
      [0.5, 1, 110],
      [0, -63.75, 1],
    ]);
  });

  test('reads the first of two numbers in a byte from its lower half', async () => {
    const weight = packedTensor(Uint8Array.of(0xa9, 0x07), [1, 4], 'u4');
    expect(await nested(dequantize(weight, tensor([[1, 10]]), null, 2))).toEqual([
      [1, 2, -10, -80],
    ]);
  });

  test('takes any axes in front, blocks longer than a row, and the dtype of the scales', async () => {
    const row = dequantize(tensor([1, 2], [2], 'i8'), tensor([3], [1], 'f16'), null, 64);
    expect([row.dtype, await nested(row)]).toEqual(['f16', [3, 6]]);
    const cube = dequantize(zeros([2, 0, 3], 'u4'), zeros([2, 0, 2]), null, 2);
    expect(cube.shape).toEqual([2, 0, 3]);
    expect(dequantize(zeros([2, 0], 'i4'), zeros([2, 0]), null, 4).shape).toEqual([2, 0]);
  });

  test('has as its derivative by a scale the sum of its block', async () => {
    const weight = tensor([1, 2, 3, 4, 5, 6], [2, 3], 'u4');
    const zeroPoints = tensor([0, 1, 2, 3], [2, 2], 'u4');
    const plain = dequantize(weight, scales, zeroPoints, 2);
    const [byScales = plain] = backward([plain], [t.ones([2, 3])], [scales]);
    expect(await nested(byScales)).toEqual([
      [3, 2],
      [5, 3],
    ]);
  });
});

describe('quantizedDot', () => {
  const weight = tensor([1, -2, 3, 4, 0, -1], [2, 3], 'i8');
  // Stands for [[0.5, -1, 6], [1, 0, 1]].
  const stored = { weight, scales, zeroPoints: null };

  test('meets the last axis of the weight, or the first', async () => {
    const x = tensor([[1, 2, 3]]);
    const rows = quantizedDot(x, stored, { blockSize: 2, inputAxis: 1 });
    expect(await nested(rows)).toEqual([[16.5, 4]]);
    const columns = quantizedDot(tensor([1, 10]), stored, { blockSize: 2, inputAxis: 0 });
    expect(await nested(columns)).toEqual([10.5, -1, 16]);
  });

  test('has the same product over the other axis as its derivative by the input', async () => {
    const x = tensor([[1, 2, 3]]);
    const product = quantizedDot(x, stored, { blockSize: 2, inputAxis: 1 });
    const [byX = x, byScales = x] = backward([product], [tensor([[1, 10]])], [x, scales]);
    expect(byX.source).toMatchObject({ op: quantizedDotOp, attributes: { inputAxis: 0 } });
    expect(await nested(byX)).toEqual([[10.5, -1, 16]]);
    expect(await nested(byScales)).toEqual([
      [-3, 9],
      [40, -30],
    ]);
  });

  test('gives each operand a derivative of its own dtype', async () => {
    const x = tensor([1, 2, 3], [3], 'f16');
    const product = quantizedDot(x, stored, { blockSize: 2, inputAxis: 1 });
    const [byX = x] = backward([product], [tensor([1, 10])], [x]);
    expect([product.dtype, byX.dtype, await nested(byX)]).toEqual(['f32', 'f16', [10.5, -1, 16]]);
  });
});

describe('quantize', () => {
  test.each([
    ['i8', [127, -63.5, 0.5, 1.5], [127, -64, 0, 2], 1],
    ['u8', [-127, 63.5, 2.5, -1.5], [1, 192, 130, 126], 1],
    ['i4', [-14, 5, 3, 1], [-7, 2, 2, 0], 2],
    ['u4', [3.5, 0.75, -1.25, -3.5], [15, 10, 6, 1], 0.5],
  ] as const)(
    'to %s takes the nearest level, half way the even one',
    async (dtype, x, q, scale) => {
      const found = quantize(tensor([[...x, 0, 0]]), { dtype, blockSize: 4 });
      const zero = dtype === 'u8' ? 128 : dtype === 'u4' ? 8 : 0;
      expect([found.weight.dtype, found.zeroPoints]).toEqual([dtype, null]);
      expect(await nested(found.weight)).toEqual([[...q, zero, zero]]);
      expect(await nested(found.scales)).toEqual([[scale, 1]]);
    },
  );

  test.each([
    ['u8', [-1, 254, 1.5, 2.5], [0, 255, 3, 3], 1, 1],
    ['i8', [-1, 254, 1.5, 2.5], [-128, 127, -125, -125], 1, -127],
    ['u4', [3, 30, 5, 7], [2, 15, 2, 4], 2, 0],
    ['u4', [-7.5, 7.5, 0, 0], [0, 15, 8, 8], 1, 8],
    ['i4', [-30, -3, -5, -7], [-8, 5, 5, 3], 2, 7],
  ] as const)(
    'to %s with zero points takes the whole range, and 0 in it',
    async (dtype, x, q, scale, zero) => {
      const { weight, zeroPoints, ...rest } = quantize(tensor([...x, 0]), {
        dtype,
        blockSize: 4,
        symmetric: false,
      });
      const empty = dtype[0] === 'u' ? 0 : q[0] < -8 ? -128 : -8;
      expect(zeroPoints?.dtype).toBe(dtype);
      expect(await nested(zeroPoints ?? weight)).toEqual([zero, empty]);
      expect(await nested(weight)).toEqual([...q, empty]);
      expect(await nested(rest.scales)).toEqual([scale, 1]);
    },
  );

  const cases = fc.record({
    dtype: fc.constantFrom(...dtypes),
    symmetric: fc.boolean(),
    blockSize: fc.integer({ min: 1, max: 5 }),
    float: fc.constantFrom('f64', 'f32'),
    side: fc.integer({ min: 1, max: 6 }),
    rows: fc.integer({ min: 0, max: 3 }),
    magnitude: fc.constantFrom(1e-30, 1e-3, 1, 1e30),
    // None so small that its scale would be a subnormal number, which has too few digits.
    numbers: fc.array(
      fc
        .double({ min: -1, max: 1, noNaN: true })
        .map((value) => (Math.abs(value) < 1e-3 ? 0 : value)),
      { minLength: 18, maxLength: 18 },
    ),
  } as const);

  test('is off by at most half a scale, and keeps 0', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ float, side, rows, magnitude, numbers, ...options }) => {
        const values = numbers.slice(0, rows * side).map((value) => value * magnitude);
        const x = tensor(values, [rows, side], float);
        const { weight, scales: found, zeroPoints } = quantize(x, options);
        const plain = dequantize(weight, found, zeroPoints, options.blockSize);
        const [exact, near, steps] = await Promise.all([x.data(), plain.data(), found.data()]);
        // Quotients of up to 255 are rounded once more to the digits of the dtype.
        const half = 0.5 + 2 ** (float === 'f64' ? -42 : -13);
        exact.forEach((value, i) => {
          const block = Math.floor((i % side) / options.blockSize);
          const scale = steps[Math.floor(i / side) * (found.shape[1] ?? 0) + block] ?? 0;
          expect(Math.abs(value - (near[i] ?? 0))).toBeLessThanOrEqual(half * scale);
          if (value === 0) expect(Math.abs(near[i] ?? 1)).toBe(0);
        });
      }),
    );
  });

  test('divides half floats with the digits of f32', async () => {
    // 55.75 / 0.7890625 is 70.65, of which bf16 would make 70.5.
    const x = tensor([100, 55.75], [2], 'bf16');
    const { weight, scales: found } = quantize(x, { dtype: 'i8', blockSize: 2 });
    expect([found.dtype, await nested(found)]).toEqual(['bf16', [0.7890625]]);
    expect(await nested(weight)).toEqual([127, 71]);
  });

  test('gives scales that are never 0, though they would be too small for their dtype', async () => {
    const { weight, scales: found } = quantize(tensor([1e-45, 0]), { dtype: 'i8', blockSize: 2 });
    expect([await nested(weight), await nested(found)]).toEqual([[0, 0], [1]]);
  });
});

describe('what does not fit is refused:', () => {
  const weight = zeros([2, 3], 'u4');
  const call =
    (scale: Tensor, zeroPoints: Tensor | null = null, blockSize = 2, q = weight) =>
    () =>
      dequantize(q, scale, zeroPoints, blockSize);
  const dot = (x: Tensor, q: Tensor, scale: Tensor, inputAxis: 0 | 1) => () =>
    quantizedDot(x, { weight: q, scales: scale, zeroPoints: null }, { blockSize: 2, inputAxis });

  test.each<[string, () => unknown, string, RegExp]>([
    ['scales', call(zeros([2, 3])), 'shape-mismatch', /expected: \[2,2\], one for each 2 elements/],
    ['scales of a scalar', call(zeros([0]), null, 2, zeros([], 'i8')), 'shape-mismatch', /of \[\]/],
    ['whole scales', call(zeros([2, 2], 'i32')), 'dtype-mismatch', /the scales cannot be i32/],
    ['a float weight', call(scales, null, 2, zeros([2, 3])), 'dtype-mismatch', /the weight cannot/],
    ['zero points', call(scales, zeros([2, 1], 'u4')), 'shape-mismatch', /expected: u4\[2,2\]/],
    ['their dtype', call(scales, zeros([2, 2], 'u8')), 'dtype-mismatch', /received: u8\[2,2\]/],
    ['an empty block', call(scales, null, 0), 'invalid-argument', /a block cannot have 0 elements/],
    ['half a block', call(scales, null, 1.5), 'invalid-argument', /whole number of at least 1/],
    [
      'an input',
      dot(zeros([2]), weight, scales, 1),
      'shape-mismatch',
      /\[2\] does not meet axis 1/,
    ],
    ['a scalar', dot(zeros([]), weight, scales, 1), 'shape-mismatch', /\[\] does not meet axis 1/],
    [
      'a weight of three axes',
      dot(zeros([2]), zeros([2, 2, 2], 'i8'), zeros([2, 2, 1]), 1),
      'shape-mismatch',
      /a weight of two axes/,
    ],
    [
      'whole numbers',
      () => quantize(zeros([2], 'i32'), { dtype: 'i8', blockSize: 2 }),
      'dtype-mismatch',
      /^quantize: input cannot be i32/,
    ],
    [
      'a scalar to quantise',
      () => quantize(zeros([]), { dtype: 'i8', blockSize: 2 }),
      'shape-mismatch',
      /^quantize: a scalar has no axis/,
    ],
    [
      'blocks of nothing',
      () => quantize(zeros([2]), { dtype: 'i8', blockSize: 0 }),
      'invalid-argument',
      /^quantize: a block cannot have 0/,
    ],
  ])('%s', (_, run, code, text) => {
    expect(run).toThrow(expect.objectContaining({ code, message: expect.stringMatching(text) }));
  });
});
