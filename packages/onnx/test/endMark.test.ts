import { createOnnxBackend, type OnnxRuntime } from '@lorikeet/onnx';
import { createNodeBackend } from '@lorikeet/onnx/node';
import { add, tensor } from '@lorikeet/tensor-core';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { markTrial } from '../src/runtime/endMark.ts';
import { on } from './on.ts';

const x = [1, 2, 3];

async function twice(backend: ReturnType<typeof createNodeBackend>): Promise<number[]> {
  return on(backend, async () => [...(await add(tensor(x), tensor(x)).data())]);
}

/** Counts the results that the runtime hands back: copies of what it wrote into the tensors that it was given. */
function counting(stopsAtMark?: () => Promise<boolean>) {
  const copies: string[] = [];
  const runtime: OnnxRuntime = {
    Tensor: RuntimeTensor,
    InferenceSession: {
      async create(model, options) {
        const session = await InferenceSession.create(model, options);
        return {
          async run(feeds, fetches) {
            copies.push(...Object.keys(await session.run(feeds, fetches)));
          },
          endProfiling: () => session.endProfiling(),
        };
      },
    },
    ...(stopsAtMark === undefined ? {} : { stopsAtMark }),
  };
  return { backend: createOnnxBackend(runtime, { hostWork: 0 }), copies };
}

test('the native backend gives what it wrote', async () => {
  expect(await twice(createNodeBackend({ hostWork: 0 }))).toEqual([2, 4, 6]);
});

test('with the mark no result is copied, without it each is', async () => {
  const marked = counting(() => Promise.resolve(true));
  expect(await twice(marked.backend)).toEqual([2, 4, 6]);
  expect(marked.copies).toEqual([]);
  const plain = counting();
  expect(await twice(plain.backend)).toEqual([2, 4, 6]);
  expect(plain.copies).toEqual(['output0']);
});

test('an error of a run is still thrown', async () => {
  const runtime: OnnxRuntime = {
    Tensor: RuntimeTensor,
    InferenceSession: {
      create: () =>
        Promise.resolve({
          run: () => Promise.reject(new Error('it broke')),
          endProfiling: () => undefined,
        }),
    },
    stopsAtMark: () => Promise.resolve(true),
  };
  const backend = createOnnxBackend(runtime, { hostWork: 0 });
  await expect(twice(backend)).rejects.toThrow('a program failed: it broke');
});

test.each([
  ['the native one stops when all is written', undefined, true],
  [
    'one that refuses before it writes does not serve',
    () => Promise.reject(new Error('Non tensor type is temporarily not supported.')),
    false,
  ],
  ['one that fails otherwise does not serve', () => Promise.reject(new Error('no')), false],
  ['one that gives sequences copies nothing, or all', () => Promise.resolve(), false],
] as const)('of runtimes %s', async (_, run, expected) => {
  const stops = markTrial({
    Tensor: RuntimeTensor,
    InferenceSession: {
      create: async (model, options) =>
        run === undefined
          ? await InferenceSession.create(model, options)
          : { run, endProfiling: () => undefined },
    },
  });
  expect(await stops()).toBe(expected);
});
