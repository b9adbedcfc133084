import { describeLaws, everyOp, opLaws, requireClose } from '@lorikeet/laws';
import { createWebBackend, webProvider } from '@lorikeet/onnx/web';
import {
  add,
  createReferenceBackend,
  type DType,
  type QuantizeOptions,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { loraSlopes } from './loraSlopes.ts';
import { on } from './on.ts';

// In Node the entry for browsers has one thread.
const backend = createWebBackend({ threads: 1 });
const sample = [
  ...['add', 'argsort', 'cast', 'concat', 'conv', 'crossEntropy', 'cumsum', 'div', 'dot', 'erf'],
  ...['gather', 'layerNorm', 'pad', 'permute', 'quantizedDot', 'scatterAdd', 'shiftLeft', 'slice'],
  ...['softmax', 'solve', 'sum', 'where'],
];

describe('ops give in WebAssembly what the reference gives', () => {
  for (const op of everyOp.filter(({ name }) => sample.includes(name))) {
    const laws = opLaws(op, { backends: [backend] }).filter(
      ({ name }) => name === 'is the same on onnx',
    );
    describeLaws(op.name, laws, { describe, test });
  }
});

test.each<DType>(['f32', 'f16', 'bf16', 'i32', 'u32', 'i8', 'u8', 'i4', 'u4', 'f64'])(
  'tensors of %s go in and come out, empty ones too',
  async (dtype) => {
    const [x, y] = [tensor([1, 2, 3], [3], dtype), tensor([4, 1, 2], [3], dtype)];
    const empty = tensor([], [0], dtype);
    await on(backend, async () => {
      expect([...(await add(x, y).data())]).toEqual([5, 3, 5]);
      expect(await add(empty, empty).data()).toHaveLength(0);
    });
  },
);

test.each<[string, QuantizeOptions | undefined]>([
  ['f32', undefined],
  ['u4', { dtype: 'u4', blockSize: 16, symmetric: false }],
])('a LoRA step on %s has the gradients of the reference', async (_, options) => {
  const expected = await loraSlopes(createReferenceBackend(), options);
  const slopes = await loraSlopes(backend, options);
  expect([...slopes.keys()]).toEqual([...expected.keys()]);
  for (const [path, slope] of slopes) requireClose(path, slope, expected.get(path) ?? [], 1e-5);
});

test('the provider says how it runs', async () => {
  expect(await webProvider.probe()).toEqual({
    available: true,
    reason: 'ONNX Runtime in WebAssembly, one thread',
  });
  const selected = await webProvider.create();
  expect(selected.name).toBe('onnx');
});
