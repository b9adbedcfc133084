import { Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { nested } from './nested.ts';

test('a number becomes a scalar', async () => {
  const x = tensor(3);
  expect([x.shape, x.rank, x.size, x.dtype]).toEqual([[], 0, 1, 'f32']);
  expect(await x.item()).toBe(3);
});

test('nested arrays give the shape', async () => {
  const x = tensor([
    [[1], [2]],
    [[3], [4]],
    [[5], [6]],
  ]);
  expect(x.shape).toEqual([3, 2, 1]);
  expect([...(await x.data())]).toEqual([1, 2, 3, 4, 5, 6]);
});

test('empty arrays give empty axes', () => {
  expect(tensor([]).shape).toEqual([0]);
  expect(tensor([[], []]).shape).toEqual([2, 0]);
});

test('a flat array takes the shape that is given', async () => {
  expect(await nested(tensor([1, 2, 3, 4], [2, 2]))).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test('a typed array of the right storage is taken over', async () => {
  const data = new Float32Array([1, 2]);
  expect(await tensor(data).data()).toBe(data);
});

test('a typed array of other storage is converted', async () => {
  expect([...(await tensor(new Float64Array([1.7, -1]), [2], 'i32').data())]).toEqual([1, -1]);
  const halves = tensor(new Float32Array([1 / 3]), [1], 'f16');
  expect([...(await halves.data())]).toEqual([0.333251953125]);
});

test('the storage of a 16-bit float is its bits', async () => {
  expect([...(await tensor(new Uint16Array([0x3c00]), [1], 'f16').data())]).toEqual([1]);
  expect([...(await tensor(new Uint16Array([0x3f80]), [1], 'bf16').data())]).toEqual([1]);
});

test('a bool is 0 or 1', async () => {
  expect([...(await tensor([0, 2, -1], undefined, 'bool').data())]).toEqual([0, 1, 1]);
});

test('the common ops are methods too', async () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  expect(await nested(x.add(1).mul(x).sub(x).div(2).neg())).toEqual([
    [-0.5, -2],
    [-4.5, -8],
  ]);
  expect(await nested(x.pow(2).permute([1, 0]).reshape([4]))).toEqual([1, 9, 4, 16]);
  expect(await x.matmul(x).sum().item()).toBe(54);
  expect(await nested(x.mean(0).broadcastTo([2, 2]))).toEqual([
    [2, 3],
    [2, 3],
  ]);
  expect(x.max(1, { keepAxes: true }).shape).toEqual([2, 1]);
  expect(x.cast('i32').dtype).toBe('i32');
});

test('a tensor shows its type', () => {
  expect(String(tensor([[1, 2]]))).toBe('Tensor(f32[1,2])');
  expect(tensor([1])).toBeInstanceOf(Tensor);
});

test('reading twice gives the same, and writing to what was read changes nothing', async () => {
  const x = tensor([1, 2]).add(1);
  const first = await x.data();
  first[0] = 100;
  expect([...(await x.data())]).toEqual([2, 3]);
});
