import Module from 'node:module';
import { createOnnxBackend, type OnnxRuntime } from '@lorikeet/onnx';
import { createProfilingBackend, onnxProvider } from '@lorikeet/onnx/node';
import {
  compile,
  matmul,
  namedScope,
  normal,
  ones,
  randomKey,
  type Tensor,
} from '@lorikeet/tensor-core';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { on, onHost } from './on.ts';

interface Asked {
  readonly threads: number | undefined;
  /** Bytes of what is copied into the session. */
  readonly initializers: number;
  readonly fed: string[];
}

/** ONNX Runtime, and what it is asked for. */
function observed(): { readonly runtime: OnnxRuntime; readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const runtime: OnnxRuntime = {
    Tensor: RuntimeTensor,
    InferenceSession: {
      async create(model, options) {
        const session = await InferenceSession.create(model, options);
        const external = (options.externalData ?? []) as readonly { data: Uint8Array }[];
        const entry: Asked = {
          threads: options.intraOpNumThreads,
          initializers: model.byteLength + external.reduce((sum, { data }) => sum + data.length, 0),
          fed: [],
        };
        asked.push(entry);
        return {
          async run(feeds, fetches) {
            entry.fed.push(...Object.keys(feeds));
            await session.run(feeds, fetches);
          },
          endProfiling: () => session.endProfiling(),
        };
      },
    },
  };
  return { runtime, asked };
}

test('two programs of one weight hold no copy of it', async () => {
  const { runtime, asked } = observed();
  const weight = await onHost(normal(randomKey(0), [256, 256]));
  await on(createOnnxBackend(runtime, { threads: 2 }), async () => {
    const [once, twice] = [
      compile((x: Tensor) => matmul(x, weight)),
      compile((x: Tensor) => matmul(matmul(x, weight), weight)),
    ];
    const x = ones([1, 256]);
    await once(x).data();
    await twice(x).data();
  });
  const programs = asked.filter(({ fed }) => fed.length === 2);
  expect(programs).toHaveLength(2);
  for (const { initializers } of programs) expect(initializers).toBeLessThan(weight.size);
});

test('small programs have one thread, large ones as many as they are given', async () => {
  const { runtime, asked } = observed();
  await on(createOnnxBackend(runtime, { threads: 2 }), async () => {
    await matmul(ones([2, 2]), ones([2, 2])).data();
    await matmul(ones([300, 300]), ones([300, 300])).data();
  });
  expect(asked.map(({ threads }) => threads)).toEqual([1, 2]);
});

test('a profile tells operators and modules', async () => {
  const { backend, profile } = await createProfilingBackend({ threads: 1 });
  await on(backend, async () => {
    const run = compile((x: Tensor) => namedScope('encoder.layer.0', () => matmul(x, x)));
    await run(ones([8, 8])).data();
    await run(ones([8, 8])).data();
  });
  expect(await profile()).toContainEqual({
    op: 'MatMul',
    path: 'encoder.layer.0',
    calls: 2,
    milliseconds: expect.any(Number),
  });
});

test('without a binary it says why it is not available', async () => {
  const load: unknown = Reflect.get(Module, '_load');
  Reflect.set(Module, '_load', (request: string, ...rest: unknown[]) => {
    if (request === 'onnxruntime-node') throw new Error('no binary for this processor');
    return (load as (...args: unknown[]) => unknown)(request, ...rest);
  });
  try {
    expect(await onnxProvider.probe()).toEqual({
      available: false,
      reason: 'onnxruntime-node does not load: no binary for this processor',
    });
  } finally {
    Reflect.set(Module, '_load', load);
  }
  expect(await onnxProvider.probe()).toMatchObject({ available: true });
});
