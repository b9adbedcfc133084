import { createOnnxBackend, type OnnxRuntime } from '@lorikeet/onnx';
import {
  add,
  cast,
  compile,
  concat,
  exp,
  flip,
  gather,
  iota,
  matmul,
  max,
  min,
  mul,
  pad,
  sub,
  swapAxes,
  type Tensor,
  tensor,
  where,
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

const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1e30, 1e-30, 2, -2];

const mask = tensor([0, 1, 1, 0, 0, 1, 0, 1, 1], [9], 'bool');
const places = tensor([3, 0, 8], [3, 1], 'i32');

const programs: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  arithmetic: (a, b) => mul(sub(a, b), add(a, swapAxes(b))),
  constants: (a, b) => add(mul(a, 3), mul(b, iota([9, 9], 1, b.dtype))),
  movement: (a, b) => concat([flip(a, [1]), pad(b, { high: [1, 0] })]),
  choice: (a, b) => where(mask, a, gather(b, places)),
  largest: (a, b) => concat([max(a, 0), min(b, 1), max(swapAxes(b), 1)]),
};
const dtypes = ['f32', 'f16', 'bf16', 'i32'] as const;

test.each(Object.keys(programs).flatMap((name) => dtypes.map((dtype) => [name, dtype] as const)))(
  '%s of %s on the host has the bits that a session gives',
  async (name, dtype) => {
    const values = (seed: number): number[] =>
      Array.from({ length: 81 }, (_, i) =>
        dtype !== 'i32' && i % 7 === seed
          ? (special[i % special.length] ?? 0)
          : Math.round(Math.sin(i * (seed + 1)) * 4e4) / (dtype === 'i32' ? 1 : 3e3),
      );
    const f = compile(programs[name] as (a: Tensor, b: Tensor) => Tensor);
    const work = async (): Promise<number[]> => {
      const [a, b] = [tensor(values(0), [9, 9], dtype), tensor(values(1), [9, 9], dtype)];
      return [...(await cast(f(a, b), 'f32').data())].map(Number);
    };
    const [host, own] = [await counted(work), await counted(work, { hostWork: 0 })];
    // A cast of half precision has one, too.
    expect(host.sessions).toBeLessThan(own.sessions);
    expect(new Set(host.result).size).toBeGreaterThan(8);
    expect(host.result).toEqual(own.result);
  },
);
