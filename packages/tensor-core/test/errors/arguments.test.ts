import * as core from '@lorikeet/tensor-core';
import { add, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { textsOf } from './texts.ts';

const two = tensor([1, 2]);
const grid = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const ids = tensor([0, 1], undefined, 'i32');
const flag = tensor([1, 0], undefined, 'bool');

test('operands of unfitting dtypes', async () => {
  expect(
    await textsOf([
      () => core.exp(ids),
      () => core.sum(flag),
      () => core.where(two, two, two),
      () => core.gather(grid, two),
      () => core.dot(ids, ids, { contract: [[0], [0]] }),
      () => core.crossEntropy(grid, two),
      () => core.record(core.addOp, [two, ids], {}),
      () => core.shiftRight(two, 1),
      () => core.iota([2], 0, 'bool'),
      () => add(tensor([1], undefined, 'u8'), 300),
    ]),
  ).toMatchInlineSnapshot(`
    "[dtype-mismatch] exp: input cannot be i32
      expected: f64, f32, f16, bf16
      received: i32
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] sum: input cannot be bool
      expected: f64, f32, f16, bf16, i32, u32, i8, u8, i4, u4
      received: bool
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] where: condition cannot be f32
      expected: bool
      received: f32
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] gather: index cannot be f32
      expected: i32, u32, i8, u8, i4, u4
      received: f32
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] dot: input cannot be i32
      expected: f64, f32, f16, bf16
      received: i32
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] crossEntropy: labels cannot be f32
      expected: i32, u32, i8, u8, i4, u4
      received: f32
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] add: operands are f32 and i32
      hint:     cast one of them
    [dtype-mismatch] shiftRight: input cannot be f32
      expected: i32, u32, i8, u8, i4, u4
      received: f32
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] iota: result cannot be bool
      expected: f64, f32, f16, bf16, i32, u32, i8, u8, i4, u4
      received: bool
      hint:     convert it with cast(x, dtype)
    [dtype-mismatch] 300 is not a number that u8 can hold
      hint:     convert the tensor with cast(x, dtype) first"
  `);
});

test('arguments that make no sense', async () => {
  expect(
    await textsOf([
      () => core.sum(grid, 2),
      () => core.sum(grid, [0, -2]),
      () => core.sum(tensor(1), 0),
      () => core.permute(grid, [0, 0]),
      () => core.sliceAxis(grid, 2, 0, 1),
      () => core.pad(two, { low: [-1] }),
      () => core.full([2, -1], 0),
      () => core.full([2.5], 0),
      () => core.concat([]),
      () => core.randomKey(-1),
      () => core.foldIn(core.randomKey(1), -1),
      () => core.bernoulli(core.randomKey(1), [2], 1.5),
    ]),
  ).toMatchInlineSnapshot(`
    "[invalid-argument] sum: axis 2 is outside a tensor of rank 2
      expected: an integer from -2 to 1
      received: 2
    [invalid-argument] sum: an axis is named twice
      received: [0,0]
    [invalid-argument] sum: axis 0 is outside a tensor of rank 0
      expected: no axis: the tensor is a scalar
      received: 0
    [invalid-argument] permute: [0,0] is no order of the axes of [2,3]
      expected: each of 0 to 1 once
      received: [0,0]
    [invalid-argument] sliceAxis: axis 2 is outside a tensor of rank 2
      expected: an integer from -2 to 1
      received: 2
    [invalid-argument] pad: [-1] does not fit [2]
      expected: 1 counts of at least 0 each for low, high and interior
      received: [-1]
      hint:     to take elements away, use slice
    [invalid-argument] full: [2,-1] is no shape
      expected: whole numbers of at least 0
      received: [2,-1]
    [invalid-argument] full: [2.5] is no shape
      expected: whole numbers of at least 0
      received: [2.5]
    [invalid-argument] concat: there is no tensor to join
    [invalid-argument] randomKey: -1 is no seed
      expected: a whole number from 0 to 2^53 - 1
      received: -1
    [invalid-argument] foldIn: -1 is no label
      expected: a name, or a whole number from 0 to 2^31 - 1
      received: -1
    [invalid-argument] bernoulli: 1.5 is no probability
      expected: 0 to 1
      received: 1.5"
  `);
});
