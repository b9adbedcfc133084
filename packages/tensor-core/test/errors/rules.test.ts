import * as t from '@lorikeet/tensor-core';
import {
  type Attributes,
  type DType,
  type Primitive,
  record,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

// Rules that the public functions keep from ever being broken, and that a backend or a plug-in can break.

const call =
  (op: Primitive, inputs: readonly Tensor[], attributes: Attributes = {}) =>
  () =>
    record(op, inputs, attributes);
const [grid, pair] = [zeros([2, 3]), zeros([2])];
const wide = zeros([2, 3], 'f64');
const flag = zeros([2, 3], 'bool');

describe('operands of two dtypes are refused by', () => {
  test.each([
    ['add', call(t.addOp, [grid, wide])],
    ['where', call(t.whereOp, [flag, grid, wide])],
    ['dot', call(t.dotOp, [grid, wide], { contract: [[0], [0]], batch: [[], []] })],
    ['concat', call(t.concatOp, [grid, wide], { axis: 0 })],
    ['scatterAdd', call(t.scatterAddOp, [grid, zeros([2], 'i32'), wide], { axis: 0 })],
    ['scatter', call(t.scatterOp, [grid, zeros([2], 'i32'), wide], { axis: 0 })],
    ['solve', call(t.solveOp, [zeros([2, 2]), wide])],
    [
      'triangularSolve',
      call(t.triangularSolveOp, [zeros([2, 2]), wide], { lower: true, transposed: false }),
    ],
  ] as const)('%s', (name, run) => {
    expect(run).toThrow(new RegExp(`^${name}: [\\s\\S]*f32[\\s\\S]*f64`));
  });
});

const slice = (starts: number[], sizes: number[], steps: number[]) => () =>
  record(t.sliceOp, [grid], { starts, sizes, steps });

test.each([
  ['a start before the first', slice([-1, 0], [1, 1], [1, 1])],
  ['a negative size', slice([0, 0], [-1, 1], [1, 1])],
  ['a step of 0', slice([0, 0], [1, 1], [0, 1])],
  ['an end behind the last', slice([1, 0], [2, 1], [1, 1])],
  ['an end behind the last, by steps', slice([0, 0], [2, 1], [2, 1])],
  ['a fraction', slice([0.5, 0], [1, 1], [1, 1])],
  ['too few starts', slice([0], [1, 1], [1, 1])],
  ['too many sizes', slice([0, 0], [1, 1, 1], [1, 1])],
  ['too few steps', slice([0, 0], [1, 1], [1])],
])('slice refuses %s', (_, run) => {
  expect(run).toThrow(/^slice: the range does not lie in \[2,3\]/);
});

test('slice takes what lies at the very end, and nothing behind it', () => {
  expect(record(t.sliceOp, [grid], { starts: [1, 2], sizes: [1, 1], steps: [5, 1] }).shape).toEqual(
    [1, 1],
  );
  expect(record(t.sliceOp, [grid], { starts: [2, 3], sizes: [0, 0], steps: [1, 1] }).shape).toEqual(
    [0, 0],
  );
});

test.each([
  ['a negative count', { low: [-1, 0], high: [0, 0], interior: [0, 0] }],
  ['a fraction', { low: [0, 0], high: [0.5, 0], interior: [0, 0] }],
  ['too few counts', { low: [0, 0], high: [0, 0], interior: [0] }],
])('pad refuses %s', (_, attributes) => {
  expect(call(t.padOp, [grid], attributes)).toThrow(/^pad: \[.*\] does not fit \[2,3\]/);
});

test.each([
  ['one axis', [0]],
  ['an axis twice', [1, 1]],
  ['three axes', [0, 1, 0]],
])('permute refuses %s', (_, axes) => {
  expect(() => t.permute(grid, axes)).toThrow(/^permute: .* is no order of the axes of \[2,3\]/);
});

test('a permutation and a reshape that change nothing give the tensor itself', () => {
  expect(t.permute(grid, [0, 1])).toBe(grid);
  expect(t.permute(grid, [1, 0])).not.toBe(grid);
  expect(t.reshape(grid, [2, -1])).toBe(grid);
  expect(t.broadcastTo(grid, [2, 3])).toBe(grid);
});

test.each([
  ['a side that does not divide', [4, -1]],
  ['a negative side', [-2, -3]],
  ['a fraction', [1.5, 4]],
  ['another number of elements', [5]],
])('reshape refuses %s', (_, shape) => {
  expect(() => t.reshape(grid, shape)).toThrow(/^reshape: \[2,3\] cannot become/);
});

test.each([
  ['another rank', [grid, pair]],
  ['another side', [grid, zeros([2, 4])]],
])('concat refuses %s', (_, tensors) => {
  expect(() => t.concat(tensors)).toThrow(/^concat: .* do not join along axis 0/);
});

test.each(['f32', 'f16', 'i32', 'u8'] as DType[])(
  'extremes, sums and products take %s, and no bool',
  (dtype) => {
    for (const reduce of [t.max, t.min, t.sum, t.prod]) {
      expect(reduce(zeros([2, 3], dtype), 0)).toMatchObject({ shape: [3], dtype });
      expect(reduce(zeros([2, 3], dtype)).shape).toEqual([]);
      expect(reduce(zeros([2, 3], dtype), -1, { keepAxes: true }).shape).toEqual([2, 1]);
      expect(() => reduce(flag)).toThrow(/input cannot be bool/);
    }
  },
);

test.each([t.max, t.min])(
  'an extreme of nothing is refused, but not of no result (%#)',
  (reduce) => {
    expect(() => reduce(zeros([2, 0]), 1)).toThrow(/nothing to reduce in \[2,0\]/);
    expect(reduce(zeros([2, 0]), 0).shape).toEqual([0]);
  },
);

test.each([t.argmax, t.argmin])('the place of an extreme of nothing is refused (%#)', (place) => {
  expect(() => place(zeros([2, 0]), 1)).toThrow(/nothing to reduce in \[2,0\]/);
  expect(place(zeros([2, 0]), 0).shape).toEqual([0]);
  expect(() => place(zeros([]))).toThrow(/a scalar has no axis/);
});

test('what to do about two dtypes is said', () => {
  const hint = /hint: {5}cast one of them/;
  expect(call(t.whereOp, [flag, grid, wide])).toThrow(hint);
  expect(call(t.dotOp, [grid, wide], { contract: [[0], [0]], batch: [[], []] })).toThrow(hint);
  expect(call(t.dynamicUpdateSliceOp, [grid, wide, zeros([2], 'i32')])).toThrow(hint);
});

describe('what is expected, and what came, is said by', () => {
  const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      'dot',
      () => t.dot(grid, zeros([7]), { contract: [[1], [0]] }),
      /a side of 3[\s\S]*a side of 7/,
    ],
    [
      'klDivergence',
      () => t.klDivergence(zeros([]), zeros([]), { reduction: 'batchmean' }),
      /at least one axis[\s\S]*\[\]/,
    ],
    ['rmsNorm', () => t.rmsNorm(grid, zeros([7]), 1), /one number for each element[\s\S]*\[7\]/],
    [
      'adaptiveAvgPool',
      () => t.adaptiveAvgPool(zeros([1, 1, 2]), [2, 2]),
      /a size of at least 1[\s\S]*\[2,2\]/,
    ],
    [
      'solve',
      () => t.solve(zeros([2, 2]), grid.reshape([3, 2])),
      /\[\.\.\., n, k\][\s\S]*\[2,2\] and \[3,2\]/,
    ],
    [
      'linearRecurrence',
      call(t.linearRecurrenceOp, [grid, wide], { axis: 0, reverse: false }),
      /f32\[2,3\][\s\S]*f64\[2,3\]/,
    ],
    ['qr', call(t.qrOp, [grid]), /\[2,3\] is wider than tall[\s\S]*the function qr takes it/],
  ];
  test.each(refused)('%s', (_, run, text) => {
    expect(run).toThrow(text);
  });
});

test.each([
  ['a scalar', () => t.rmsNorm(zeros([]), zeros([1]), 1)],
  ['a weight of two axes', () => t.rmsNorm(grid, zeros([3, 1]), 1)],
  ['a weight of another length', () => t.rmsNorm(grid, zeros([2]), 1)],
  ['no elements', () => t.rmsNorm(zeros([2, 0]), zeros([0]), 1)],
])('rmsNorm refuses %s', (_, run) => {
  expect(run).toThrow(/^rmsNorm: /);
});

test.each([
  ['sizes of another rank', [2, 2]],
  ['no sizes', []],
  ['a size of 0', [0]],
])('adaptiveAvgPool refuses %s', (_, sizes) => {
  expect(() => t.adaptiveAvgPool(zeros([1, 1, 3]), sizes)).toThrow(
    /^adaptiveAvgPool: \[1,1,3\] cannot become/,
  );
});

test('sizes are refused for an input without spatial axes, or with an empty one', () => {
  expect(() => t.adaptiveAvgPool(grid, [])).toThrow(/^adaptiveAvgPool: /);
  expect(() => t.adaptiveAvgPool(zeros([1, 1, 0, 2]), [1, 1])).toThrow(/^adaptiveAvgPool: /);
});

test('a group of no elements, and labels for logits without a class, are refused', () => {
  const norm = (x: Tensor): unknown =>
    t.groupNorm(x, zeros([2]), zeros([2]), { groups: 2, epsilon: 1 });
  expect(() => norm(zeros([1, 2, 0]))).toThrow(/^groupNorm: nothing to reduce/);
  expect(() => norm(zeros([0, 2, 1]))).not.toThrow();
  expect(() => t.softCrossEntropy(zeros([]), zeros([]))).toThrow(/^softCrossEntropy: /);
});

test('solutions need matrices on both sides', () => {
  expect(call(t.solveOp, [zeros([1, 1]), zeros([1])])).toThrow(/^solve: /);
  expect(
    call(t.triangularSolveOp, [zeros([1, 1]), zeros([1])], { lower: true, transposed: false }),
  ).toThrow(/^triangularSolve: /);
});

test('updates of another dtype are refused along an axis too', () => {
  expect(
    call(t.putAlongAxisOp, [grid, zeros([2, 3], 'i32'), wide], { axis: 0, mode: 'set' }),
  ).toThrow(/^putAlongAxis: .*updates/);
});

test('matmul of vectors, matrices and stacks has the shape of NumPy', () => {
  const [v, m, s] = [zeros([3]), zeros([3, 4]), zeros([5, 2, 3])];
  expect(t.matmul(v, v).shape).toEqual([]);
  expect(t.matmul(v, m).shape).toEqual([4]);
  expect(t.matmul(s, v).shape).toEqual([5, 2]);
  expect(t.matmul(s, m).shape).toEqual([5, 2, 4]);
  expect(t.matmul(zeros([5, 1, 2, 3]), zeros([7, 3, 4])).shape).toEqual([5, 7, 2, 4]);
  expect(() => t.matmul(t.zeros([]), v)).toThrow(/matmul: \[\] times \[3\] is no matrix product/);
});
