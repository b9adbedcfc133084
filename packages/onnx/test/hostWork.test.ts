import { createOnnxBackend, type OnnxRuntime } from '@lorikeet/onnx';
import { createNodeBackend } from '@lorikeet/onnx/node';
import {
  add,
  cast,
  compile,
  dynamicUpdateSlice,
  evaluate,
  exp,
  gather,
  matmul,
  mul,
  normal,
  ones,
  randomKey,
  sub,
  swapAxes,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { on } from './on.ts';

interface Counted<T> {
  readonly result: T;
  readonly sessions: number;
}

/** What some work gives on a backend, and how many sessions are made for it. */
async function counted<T>(
  work: () => Promise<T>,
  options: { readonly hostWork?: number } = {},
): Promise<Counted<T>> {
  let sessions = 0;
  const runtime: OnnxRuntime = {
    Tensor: RuntimeTensor,
    InferenceSession: {
      create(model, settings) {
        sessions += 1;
        return InferenceSession.create(model, settings);
      },
    },
  };
  const result = await on(createOnnxBackend(runtime, options), work);
  return { result, sessions };
}

test.each([
  ['a little sum', 0, 8, (x: Tensor) => add(x, x)],
  ['a large one', 1, 5000, (x: Tensor) => add(x, x)],
  ['a little function that each rounds in its way', 1, 8, (x: Tensor) => exp(x)],
  ['a little product of matrices', 1, 8, (x: Tensor) => matmul(x, x)],
] as const)('sessions for %s: %i', async (_, expected, size, f) => {
  const x = new Float32Array(size).fill(2);
  const work = async (): Promise<unknown> => await compile(f)(tensor(x)).data();
  expect((await counted(work)).sessions).toBe(expected);
  expect((await counted(work, { hostWork: 0 })).sessions).toBe(1);
});

test.each(['f32', 'f16', 'bf16', 'i32'] as const)(
  'what the host runs of %s has the bits that a session gives',
  async (dtype) => {
    const f = compile((a: Tensor, b: Tensor, places: Tensor) =>
      gather(mul(sub(a, b), add(a, swapAxes(b))), places),
    );
    const work = async (): Promise<number[]> => {
      const [a, b] = [0, 1].map((seed) => cast(mul(normal(randomKey(seed), [9, 9]), 50), dtype));
      const [left, right] = [a as Tensor, b as Tensor];
      await evaluate([left, right]);
      return [...(await f(left, right, tensor([3, 0, 8], undefined, 'i32')).data())].map(Number);
    };
    const [host, own] = [await counted(work), await counted(work, { hostWork: 0 })];
    // Casts and random numbers have sessions, too.
    expect(host.sessions).toBeLessThan(own.sessions);
    expect(new Set(host.result).size).toBeGreaterThan(20);
    expect(host.result).toEqual(own.result);
  },
);

test('an array that was read is not written over, though its tensor was donated', async () => {
  await on(createNodeBackend({ threads: 1 }), async () => {
    const cache = zeros([4, 3]).add(2);
    const before = await cache.data();
    const put = compile(
      (x: Tensor) => dynamicUpdateSlice(x, ones([1, 3]), tensor([1, 0], undefined, 'i32')),
      { donate: [0] },
    );
    const after = await put(cache).data();
    expect([...after]).toEqual([2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
    expect([...before]).toEqual(new Array(12).fill(2));
  });
});
