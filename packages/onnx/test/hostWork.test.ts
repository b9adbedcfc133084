import { createOnnxBackend, type OnnxRuntime } from '@lorikeet/onnx';
import { createNodeBackend } from '@lorikeet/onnx/node';
import {
  add,
  cast,
  compile,
  dynamicUpdateSlice,
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

/** How many sessions a backend makes for some work. */
async function sessionsOf(
  work: () => Promise<unknown>,
  options: { readonly hostWork?: number } = {},
): Promise<number> {
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
  await on(createOnnxBackend(runtime, options), work);
  return sessions;
}

test.each([
  ['a little sum', 0, 8, (x: Tensor) => add(x, x)],
  ['a large one', 1, 5000, (x: Tensor) => add(x, x)],
  ['a little function that each rounds in its way', 1, 8, (x: Tensor) => exp(x)],
  ['a little product of matrices', 1, 8, (x: Tensor) => matmul(x, x)],
] as const)('sessions for %s: %i', async (_, expected, size, f) => {
  const x = new Float32Array(size).fill(2);
  const work = async (): Promise<unknown> => await compile(f)(tensor(x)).data();
  expect(await sessionsOf(work)).toBe(expected);
  expect(await sessionsOf(work, { hostWork: 0 })).toBe(1);
});

test.each(['f32', 'f16', 'bf16', 'i32'] as const)(
  'what the host runs of %s has the bits that a session gives',
  async (dtype) => {
    const f = compile((a: Tensor, b: Tensor, places: Tensor) => [
      gather(mul(sub(a, b), add(a, swapAxes(b))), places),
      cast(mul(a, b), 'f32'),
    ]);
    const results = async (hostWork: number): Promise<number[][]> =>
      on(createNodeBackend({ threads: 1, hostWork }), async () => {
        const [a, b] = [0, 1].map((seed) => cast(mul(normal(randomKey(seed), [9, 9]), 50), dtype));
        const parts = f(a as Tensor, b as Tensor, tensor([3, 0, 8], undefined, 'i32'));
        return Promise.all(parts.map(async (part) => [...(await part.data())].map(Number)));
      });
    const [host = []] = await results(4096);
    expect(host).toHaveLength(27);
    expect(new Set(host).size).toBeGreaterThan(20);
    expect(await results(4096)).toEqual(await results(0));
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
