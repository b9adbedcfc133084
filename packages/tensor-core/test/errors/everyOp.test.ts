import * as t from '@lorikeet/tensor-core';
import { type DType, isLorikeetError, namedScope, type Tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const [line, grid, cube] = [zeros([7]), zeros([2, 3]), zeros([2, 3, 4])];
const [image, heads] = [zeros([1, 4, 5, 5]), zeros([1, 2, 3, 4])];
const ids = zeros([5], 'i32');

/** A call that is wrong by its shapes alone, and what the error must name of them. */
type WrongCall = readonly [call: () => unknown, ...named: string[]];

const elementwise = (op: (a: Tensor, b: Tensor) => Tensor, dtype: DType = 'f32'): WrongCall => [
  () => op(t.cast(grid, dtype), t.cast(line, dtype)),
  '[2,3]',
  '[7]',
];
const alongAxis = (op: (x: Tensor, axis: number) => unknown): WrongCall => [
  () => op(grid, 5),
  'axis 5',
  'rank 2',
];
const ofNothing = (op: (x: Tensor) => unknown): WrongCall => [() => op(zeros([2, 0])), '[2,0]'];

/** Of an op that is not here, `opLaws` asks the same of random shapes. */
const wrongCalls: Readonly<Record<string, WrongCall>> = {
  add: elementwise(t.add),
  atan2: elementwise(t.atan2),
  bitwiseAnd: elementwise(t.bitwiseAnd, 'i32'),
  bitwiseOr: elementwise(t.bitwiseOr, 'i32'),
  bitwiseXor: elementwise(t.bitwiseXor, 'i32'),
  binaryCrossEntropy: elementwise(t.binaryCrossEntropy),
  div: elementwise(t.div),
  equal: elementwise(t.equal),
  greater: elementwise(t.greater),
  greaterEqual: elementwise(t.greaterEqual),
  huber: elementwise(t.huber),
  klDivergence: elementwise(t.klDivergence),
  less: elementwise(t.less),
  lessEqual: elementwise(t.lessEqual),
  logicalAnd: elementwise(t.logicalAnd, 'bool'),
  logicalOr: elementwise(t.logicalOr, 'bool'),
  logicalXor: elementwise(t.logicalXor, 'bool'),
  maximum: elementwise(t.maximum),
  meanSquaredError: elementwise(t.meanSquaredError),
  minimum: elementwise(t.minimum),
  mod: elementwise(t.mod),
  mul: elementwise(t.mul),
  notEqual: elementwise(t.notEqual),
  pow: elementwise(t.pow),
  shiftLeft: elementwise(t.shiftLeft, 'u32'),
  shiftRight: elementwise(t.shiftRight, 'u32'),
  sub: elementwise(t.sub),
  where: [() => t.where(zeros([7], 'bool'), grid, 0), '[7]', '[2,3]'],

  argmax: alongAxis(t.argmax),
  argmin: alongAxis(t.argmin),
  argsort: alongAxis((x, axis) => t.argsort(x, { axis })),
  cumprod: alongAxis(t.cumprod),
  cumsum: alongAxis(t.cumsum),
  flip: alongAxis(t.flip),
  logSoftmax: alongAxis(t.logSoftmax),
  logSumExp: alongAxis(t.logSumExp),
  normalize: alongAxis((x, axis) => t.normalize(x, { axis })),
  prod: alongAxis(t.prod),
  softmax: alongAxis(t.softmax),
  std: alongAxis(t.std),
  sum: alongAxis(t.sum),
  variance: alongAxis(t.variance),
  vectorNorm: alongAxis((x, axes) => t.vectorNorm(x, { axes })),
  max: ofNothing(t.max),
  min: ofNothing(t.min),

  broadcastTo: [() => t.broadcastTo(line, [2, 3]), '[7]', '[2,3]'],
  concat: [() => t.concat([grid, cube]), '[2,3]', '[2,3,4]'],
  dynamicSlice: [() => t.dynamicSlice(grid, zeros([2], 'i32'), [3, 3]), '[2,3]', '[3,3]'],
  dynamicUpdateSlice: [
    () => t.dynamicUpdateSlice(grid, zeros([3, 3]), zeros([2], 'i32')),
    '[2,3]',
    '[3,3]',
  ],
  pad: [() => t.pad(grid, { low: [1] }), '[2,3]', '[1]'],
  permute: [() => t.permute(grid, [0, 0]), '[2,3]', '[0,0]'],
  reshape: [() => t.reshape(grid, [4, 2]), '[2,3]', '[4,2]'],
  slice: [() => t.slice(grid, [1, 0], [2, 3]), '[2,3]', '[1,0]'],

  gather: alongAxis((x, axis) => t.gather(x, ids, axis)),
  putAlongAxis: [() => t.putAlongAxis(grid, zeros([2, 1], 'i32'), line, 1), '[2,1]', '[7]'],
  scatter: [() => t.scatter(grid, ids, line), '[5,3]', '[7]'],
  scatterAdd: [() => t.scatterAdd(grid, ids, line), '[5,3]', '[7]'],
  takeAlongAxis: [() => t.takeAlongAxis(grid, ids, 0), '[2,3]', '[5]'],

  adaptiveAvgPool: [() => t.adaptiveAvgPool(image, [0, 2]), '[1,4,5,5]', '[0,2]'],
  attention: [() => t.attention(heads, heads, cube), '[1,2,3,4]', '[2,3,4]'],
  avgPool: [() => t.avgPool(image, 7), '[7,7]', '[1,4,5,5]'],
  batchNorm: [() => t.batchNorm(image, line, line, line, line, { epsilon: 1 }), '[7]', '[1,4,5,5]'],
  cholesky: [() => t.cholesky(grid), '[2,3]'],
  conv: [() => t.conv(image, zeros([2, 3, 1, 1])), '[1,4,5,5]', '[2,3,1,1]'],
  convTranspose: [() => t.convTranspose(image, zeros([3, 2, 1, 1])), '[1,4,5,5]', '[3,2,1,1]'],
  crossEntropy: [() => t.crossEntropy(grid, zeros([7], 'i32')), '[2]', '[7]'],
  dequantize: [() => t.dequantize(zeros([2, 3], 'i8'), line, null, 2), '[2,3]', '[7]'],
  det: [() => t.det(grid), '[2,3]'],
  dot: [() => t.dot(grid, line, { contract: [[1], [0]] }), '[2,3]', '[7]'],
  eigh: [() => t.eigh(grid), '[2,3]'],
  expm: [() => t.expm(grid), '[2,3]'],
  groupNorm: [() => t.groupNorm(image, line, line, { groups: 2, epsilon: 1 }), '[7]', '[1,4,5,5]'],
  interpolate: [() => t.interpolate(image, { size: [3] }), '[1,4,5,5]', '[3]'],
  layerNorm: [() => t.layerNorm(grid, line, line, 1), '[2,3]', '[7]'],
  linearRecurrence: [
    () => t.record(t.linearRecurrenceOp, [grid, line], { axis: 0, reverse: false }),
    '[2,3]',
    '[7]',
  ],
  maxPool: [() => t.maxPool(image, 7), '[7,7]', '[1,4,5,5]'],
  quantizedDot: [
    () =>
      t.quantizedDot(
        line,
        { weight: zeros([2, 3], 'i8'), scales: zeros([2, 2]), zeroPoints: null },
        { blockSize: 2, inputAxis: 1 },
      ),
    '[2,3]',
    '[7]',
  ],
  qr: [() => t.qr(line), '[7]'],
  randomBits: [() => t.randomBits(zeros([7], 'u32'), [2]), 'u32[2]', '[7]'],
  rmsNorm: [() => t.rmsNorm(grid, line, 1), '[2,3]', '[7]'],
  slogdet: [() => t.slogdet(grid), '[2,3]'],
  softCrossEntropy: [() => t.softCrossEntropy(grid, line), '[2,3]', '[7]'],
  solve: [() => t.solve(zeros([2, 2]), zeros([3, 1])), '[2,2]', '[3,1]'],
  svd: [() => t.svd(line), '[7]'],
  triangularSolve: [() => t.triangularSolve(zeros([2, 2]), zeros([3, 1])), '[2,2]', '[3,1]'],
};

describe('a wrong shape is told by op, shapes, module and line:', () => {
  test.each(Object.entries(wrongCalls))('%s', (name, [call, ...named]) => {
    let error: unknown;
    try {
      namedScope('encoder', () => namedScope('layer', call));
    } catch (thrown) {
      error = thrown;
    }
    if (!isLorikeetError(error)) throw new Error(`${name} threw ${String(error)}`);
    expect(['shape-mismatch', 'invalid-argument']).toContain(error.code);
    expect(error.summary).toMatch(new RegExp(`^${name}: `));
    for (const part of named) expect(error.message).toContain(part);
    expect(error.path).toBe('encoder.layer');
    expect(error.location).toMatch(/everyOp\.test\.ts:\d+:\d+$/);
  });
});
