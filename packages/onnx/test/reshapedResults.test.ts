import { createNodeBackend } from '@lorikeet/onnx/node';
import { add, cast, evaluate, reshape, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { on } from './on.ts';

const onnx = createNodeBackend({ threads: 1, hostWork: 0 });
const x = [1, 2, 3, 4, 5, 6];

test('a result that is reshaped last is what it was before, in its shape', async () => {
  await on(onnx, async () => {
    const sums = add(tensor(x), 1);
    const turned = reshape(reshape(sums, [2, 3]), [3, 2]);
    await evaluate([turned]);
    expect(turned.shape).toEqual([3, 2]);
    expect(Array.from(await turned.data())).toEqual([2, 3, 4, 5, 6, 7]);
  });
});

test('a result, itself reshaped and another reshape of it are three arrays', async () => {
  await on(onnx, async () => {
    const sums = add(tensor(x), 1);
    const [wide, tall] = [reshape(sums, [2, 3]), reshape(sums, [3, 2])];
    await evaluate([wide, sums, tall]);
    const arrays = await Promise.all([wide, sums, tall].map((one) => one.data()));
    for (const array of arrays) expect(Array.from(array)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(new Set(arrays).size).toBe(3);
  });
});

test('what is only reshaped is not what was given', async () => {
  await on(onnx, async () => {
    const given = tensor(x);
    const [wide, half] = [reshape(given, [2, 3]), reshape(cast(given, 'bf16'), [6, 1])];
    await evaluate([wide, half]);
    expect(Array.from(await wide.data())).toEqual(x);
    expect(await wide.data()).not.toBe(await given.data());
    expect(Array.from(await cast(half, 'f32').data())).toEqual(x);
  });
});
