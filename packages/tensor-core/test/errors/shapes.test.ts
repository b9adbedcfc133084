import * as core from '@lorikeet/tensor-core';
import { add, matmul, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { textsOf } from './texts.ts';

const two = tensor([1, 2]);
const three = tensor([1, 2, 3]);
const grid = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const ids = tensor([0, 1], undefined, 'i32');

test('shapes that do not broadcast are named, with their op', async () => {
  expect(await textsOf([() => add(grid, two)])).toMatchInlineSnapshot(`
    "[shape-mismatch] add: shapes [2,3] and [2] do not broadcast
      expected: sides that are equal or 1, counted from the last axis
      received: 3 against 2 on axis -1
      hint:     reshape or broadcast one of them"
  `);
});

test('operands of unfitting shapes', async () => {
  expect(
    await textsOf([
      () => matmul(grid, grid),
      () => matmul(grid, tensor(1)),
      () => core.dot(two, three, { contract: [[0], [0]] }),
      () => core.reshape(grid, [4, 2]),
      () => core.reshape(grid, [-1, -1]),
      () => core.broadcastTo(three, [3, 2]),
      () => core.slice(three, [1], [3]),
      () => core.slice(three, [0], [3], [2]),
      () => core.concat([grid, two]),
      () => core.scatterAdd(three, ids, three),
      () => core.layerNorm(core.zeros([2, 0]), two, two, 1e-5),
      () => core.conv(grid, grid),
      () => core.conv(core.zeros([1, 1, 4]), core.zeros([1, 1, 2]), { stride: 0 }),
      () => core.attention(grid, grid, grid),
      () => core.crossEntropy(grid, core.zeros([3], 'i32')),
      () => core.max(core.zeros([0])),
      () => core.mean(core.zeros([2, 0]), 1),
      () => core.argmax(tensor(1)),
      () => core.randomBits(core.zeros([3], 'u32'), [2]),
      () => tensor([1, 2, 3], [2, 2]),
      () => tensor([[1, 2], [3]]),
      () => tensor([[1], 2]),
    ]),
  ).toMatchInlineSnapshot(`
    "[shape-mismatch] matmul: [2,3] times [2,3] is no matrix product
      expected: inner sides that are equal
      received: 3 and 2
      hint:     transpose one of them with swapAxes
    [shape-mismatch] matmul: [2,3] times [] is no matrix product
      hint:     use mul to scale by a number
    [shape-mismatch] dot: axis 0 of [2] does not meet axis 0 of [3]
      expected: a side of 2
      received: a side of 3
    [shape-mismatch] reshape: [2,3] cannot become [4,2]
      expected: a shape of 6 elements, with at most one side of -1
      received: [4,2]
    [shape-mismatch] reshape: [2,3] cannot become [-1,-1]
      expected: a shape of 6 elements, with at most one side of -1
      received: [-1,-1]
    [shape-mismatch] broadcastTo: [3] does not broadcast to [3,2]
      expected: sides that are equal or 1, counted from the last axis
      received: [3]
    [shape-mismatch] slice: the range does not lie in [3]
      expected: start, size and step for each axis, with start + (size - 1) * step inside
      received: starts [1], sizes [3], steps [1]
    [shape-mismatch] slice: the range does not lie in [3]
      expected: start, size and step for each axis, with start + (size - 1) * step inside
      received: starts [0], sizes [3], steps [2]
    [shape-mismatch] concat: f32[2,3] and f32[2] do not join along axis 0
      expected: dtype f32 and shape [2,3] but for axis 0
      received: f32[2]
    [shape-mismatch] scatterAdd: updates [3] at indices [2] do not fit [3]
      expected: f32[2]: the target with axis 0 replaced by the shape of the indices
      received: f32[3]
    [shape-mismatch] layerNorm: weight [2] and bias [2] do not fit [2,0]
      expected: both of the shape of the last axes of the input
      received: [2] and [2]
    [shape-mismatch] conv: input [2,3] and weight [2,3] do not fit
      expected: input [B, C, ...spatial], weight [O, C / 1, ...kernel] with a kernel no larger than the padded input
      received: stride [], padding [], dilation [], groups 1
    [shape-mismatch] conv: input [1,1,4] and weight [1,1,2] do not fit
      expected: input [B, C, ...spatial], weight [O, C / 1, ...kernel] with a kernel no larger than the padded input
      received: stride [0], padding [0], dilation [1], groups 1
    [shape-mismatch] attention: query, key and value do not fit
      expected: [B, H, T, K], [B, G, S, K] and [B, G, S, V], where G divides H
      received: [2,3], [2,3], [2,3]
    [shape-mismatch] crossEntropy: labels [3] do not fit logits [2,3]
      expected: labels of shape [2], the logits' without the last axis
      received: [3]
    [shape-mismatch] max: nothing to reduce in [0]
      expected: at least one element along each reduced axis
      received: [0]
    [shape-mismatch] mean: nothing to reduce in [2,0]
      expected: at least one element along each reduced axis
      received: [2,0]
    [shape-mismatch] argmax: a scalar has no axis
    [shape-mismatch] randomBits: not a key
      expected: u32[2], as from randomKey
      received: [3]
    [shape-mismatch] tensor: 3 elements do not fill f32[2,2]
      expected: 4 elements
      received: 3
    [shape-mismatch] tensor: nested arrays of unequal length
      expected: an array of 2
      received: an array of 1
    [shape-mismatch] tensor: nested arrays of unequal length
      expected: an array of 1
      received: 2"
  `);
});
