import { createOnnxBackend, lowerGraph, type OnnxRuntime } from '@lorikeet/onnx';
import { createNodeBackend } from '@lorikeet/onnx/node';
import {
  add,
  type Backend,
  broadcastTo,
  compile,
  exp,
  gather,
  isLorikeetError,
  matmul,
  type NoAttributes,
  namedScope,
  type Primitive,
  realize,
  record,
  sum,
  type Tensor,
  tensor,
  unaryPrimitive,
} from '@lorikeet/tensor-core';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { on } from './on.ts';

const onnx = createNodeBackend({ threads: 1, hostWork: 0 });

/** The text of an error under its code, without the line that led to it. */
async function textOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (!isLorikeetError(error)) throw error;
    return `[${error.code}] ${error.message}`.replace(/\n {2}from: .*/, '');
  }
  throw new Error('nothing was thrown');
}

/** That the backend computes. */
async function expectSound(backend: Backend): Promise<void> {
  await on(backend, async () => {
    expect([...(await add(tensor([1, 2]), 3).data())]).toEqual([4, 5]);
  });
}

/** An op of a plug-in, which ONNX does not have. */
const cubeOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'cube',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = (x[i] as number) ** 3;
  },
  derivative: ({ gradient }) => [gradient],
});
const cube = (x: Tensor): Tensor => record(cubeOp, [x], {});
const cubeInModule = compile((x: Tensor) =>
  namedScope('encoder.layer.0', () => exp(cube(add(x, 1)))),
);

test('an op that ONNX does not have runs on the host, amid others', async () => {
  await on(onnx, async () => {
    const [first = 0, second = 0] = await cubeInModule(tensor([0, -1])).data();
    expect(first).toBeCloseTo(Math.E, 5);
    expect(second).toBe(1);
  });
});

test('and is refused where there is no host', async () => {
  const program = await on(onnx, async () => cubeInModule.program(tensor([0, -1])));
  const options = {
    inputName: (i: number) => `input${i}`,
    outputName: (i: number) => `output${i}`,
    constant: () => ({ elementType: 'float' as const, dims: [], data: new Uint8Array(4) }),
  };
  expect(await textOf(() => lowerGraph(program, options))).toMatchInlineSnapshot(`
    "[unsupported] onnx: cube of f32[2] does not become ONNX: no operator of ONNX
      at:       encoder.layer.0
      hint:     docs/reference/onnx.md lists what does; on the backend such calls run on the host"
  `);
});

test('a program that fails is told where it is read, and what depends on it; the next one runs', async () => {
  await on(onnx, async () => {
    const rows = gather(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([0, 5], [2], 'i32'),
    );
    realize(rows);
    const later = exp(rows);
    realize(later);
    for (const read of [() => rows.data(), () => later.data(), () => add(later, 1).data()])
      expect(await textOf(read)).toContain('[index-out-of-range] gather: index 5 is outside');
    expect(await textOf(() => onnx.synchronize())).toContain('[index-out-of-range]');
    await onnx.synchronize();
  });
  await expectSound(onnx);
});

/** The runtime, with something in the place of how sessions are made. */
function runtimeWith(create: OnnxRuntime['InferenceSession']['create']): OnnxRuntime {
  return { Tensor: RuntimeTensor, InferenceSession: { create } };
}

test.each([
  ['no kernel for it', 'backend-failed'],
  ['std::bad_alloc', 'out-of-memory'],
])('a session that cannot be made: %s', async (message, code) => {
  const faults = [message];
  const backend = createOnnxBackend(
    runtimeWith((model, options) => {
      const fault = faults.pop();
      if (fault !== undefined) throw new Error(fault);
      return InferenceSession.create(model, options);
    }),
  );
  await on(backend, async () => {
    const x = exp(tensor([1, 2, 3]));
    expect(await textOf(() => x.data())).toBe(
      `[${code}] onnx: a program could not be made ready: ${message}`,
    );
    // The same program, when the fault has passed.
    expect([...(await exp(tensor([0, 0, 0])).data())]).toEqual([1, 1, 1]);
  });
  await expectSound(backend);
});

test.each([
  ['it broke', 'backend-failed'],
  ['Failed to allocate memory for requested buffer of size 1', 'out-of-memory'],
  ['std::bad_alloc', 'out-of-memory'],
])('a session that fails once: %s', async (message, code) => {
  const faults = [message];
  const backend = createOnnxBackend(
    runtimeWith(async (model, options) => {
      const session = await InferenceSession.create(model, options);
      return {
        async run(feeds, fetches) {
          const fault = faults.pop();
          if (fault !== undefined) throw new Error(fault);
          await session.run(feeds, fetches);
        },
        endProfiling: () => session.endProfiling(),
      };
    }),
    { hostWork: 0 },
  );
  const double = compile((x: Tensor) => add(x, x));
  await on(backend, async () => {
    expect(await textOf(() => double(tensor([1, 2])).data())).toBe(
      `[${code}] onnx: a program failed: ${message}`,
    );
    expect([...(await double(tensor([1, 2])).data())]).toEqual([2, 4]);
  });
  await expectSound(backend);
});

test('more memory than there is: of a result, and within a program', async () => {
  const tooMany = 2 ** 48;
  await on(onnx, async () => {
    const result = broadcastTo(exp(tensor([1])), [tooMany]);
    expect(await textOf(() => result.data())).toContain('[out-of-memory] ');
    // An outer product of 2 ** 49 bytes, more than a process can address; only its sum leaves the program.
    const [column, row] = [
      tensor(new Float32Array(2 ** 24), [2 ** 24, 1]),
      tensor(new Float32Array(2 ** 23), [1, 2 ** 23]),
    ];
    const total = sum(exp(matmul(column, row)));
    expect(await textOf(() => total.data())).toContain('[out-of-memory] ');
  });
  await expectSound(onnx);
});
