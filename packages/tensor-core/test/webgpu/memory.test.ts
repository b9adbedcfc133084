import {
  add,
  type Backend,
  compile,
  concat,
  type Executable,
  eigh,
  evaluate,
  exp,
  gather,
  matmul,
  memoryScope,
  mul,
  neg,
  relu,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
  useBackend,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

// Each case means to compile some kernels.
const runs = { numRuns: Number(process.env.LORIKEET_RUNS ?? 20) };

type Step = (xs: readonly Tensor[]) => readonly Tensor[];

/** With a backend of its own, which has no memory yet. */
async function onFresh<T>(
  work: (backend: WebgpuBackend, compiled: readonly Executable[]) => Promise<T>,
  maxBytes?: number,
): Promise<T> {
  const backend = await createNodeWebgpuBackend(maxBytes === undefined ? {} : { maxBytes });
  const compiled: Executable[] = [];
  const watched: Backend = {
    ...backend,
    compile(...args) {
      const executable = backend.compile(...args);
      compiled.push(executable);
      return executable;
    },
  };
  const before = useBackend(watched);
  try {
    return await work(backend, compiled);
  } finally {
    useBackend(before);
    backend.destroy();
  }
}

const host = (shape: readonly number[], scale = 1): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((size, side) => size * side, 1) }, (_, i) =>
      Math.sin(scale * (i + 1)),
    ),
    shape,
  );

const programs: Readonly<Record<string, { inputs: () => Tensor[]; fn: Step }>> = {
  'one kernel': { inputs: () => [host([100])], fn: ([x]) => [exp(x as Tensor)] },
  'a chain with intermediates': {
    inputs: () => [host([64, 64]), host([64, 64], 2)],
    fn: ([x, w]) => {
      let state = x as Tensor;
      for (let i = 0; i < 4; i++) state = softmax(matmul(state, w as Tensor), -1);
      return [state, sum(state)];
    },
  },
  'an index that may lie outside': {
    inputs: () => [host([10, 7]), tensor([1, 2], [2], 'i32')],
    fn: ([x, i]) => [gather(x as Tensor, i as Tensor, 0)],
  },
  'results that are equal, or are what is given': {
    inputs: () => [host([33])],
    fn: ([x]) => {
      const y = neg(x as Tensor);
      return [y, y, x as Tensor];
    },
  },
  'a part on the host': {
    inputs: () => [host([6, 6])],
    fn: ([x]) => {
      const a = x as Tensor;
      const { values } = eigh(add(a, a.permute([1, 0])));
      return [relu(values), matmul(a, a)];
    },
  },
};

function trainingStep(): {
  step: (
    w: readonly Tensor[],
    m: readonly Tensor[],
    x: Tensor,
  ) => {
    loss: Tensor;
    w: readonly Tensor[];
    m: readonly Tensor[];
  };
  state: () => { w: readonly Tensor[]; m: readonly Tensor[] };
} {
  return {
    step: (w, m, x) => {
      const { value, gradient } = valueAndGrad((ws: readonly Tensor[]) => {
        const [first, second] = ws as [Tensor, Tensor];
        return sum(mul(matmul(relu(matmul(x, first)), second), 0.01));
      })(w);
      const moments = m.map((moment, i) => add(mul(moment, 0.9), gradient[i] as Tensor));
      return {
        loss: value,
        w: w.map((a, i) => sub(a, mul(moments[i] as Tensor, 0.1))),
        m: moments,
      };
    },
    state: () => ({
      w: [host([128, 96]), host([96, 64], 3)],
      m: [host([128, 96], 0), host([96, 64], 0)],
    }),
  };
}

await describeOnWebgpu('memory on WebGPU', () => {
  test.each(Object.entries(programs))('is told before the run: %s', async (_, { inputs, fn }) => {
    await onFresh(async (backend, compiled) => {
      const step = compile(fn);
      await Promise.all(step(inputs()).map((result) => result.data()));
      const told = backend.predict(compiled[0] as Executable);
      expect(told.peak).toBe(backend.statistics().peakBytes);
      expect(told.peak).toBe(told.given + told.values + told.scratch);
      expect(told.peak).toBeGreaterThan(0);
    });
  });

  test('is told of a training step whose state is donated, the first time and later', async () => {
    await onFresh(async (backend, compiled) => {
      const { step, state } = trainingStep();
      const train = compile(step, { donate: [0, 1] });
      let { w, m } = state();
      const x = host([16, 128], 5);
      for (let i = 0; i < 4; i++) {
        const next = train(w, m, x);
        ({ w, m } = next);
        await next.loss.data();
        const { predictedPeakBytes, peakBytes } = backend.statistics();
        expect(predictedPeakBytes).toBe(peakBytes);
        if (i === 0) expect(backend.predict(compiled[0] as Executable).peak).toBe(peakBytes);
      }
      // The loss of each step is kept: all else is in place.
      const { peakBytes } = backend.statistics();
      expect(peakBytes).toBe(backend.predict(compiled[0] as Executable).peak + 3 * 16);
    });
  });

  const draws = fc.array(
    fc.record({
      kind: fc.constantFrom('add', 'matmul', 'exp', 'concat', 'free'),
      at: fc.nat(),
    }),
    { maxLength: 8 },
  );
  test('is what was told, whatever is computed and freed', async () => {
    await onFresh(async (backend) => {
      await fc.assert(
        fc.asyncProperty(draws, async (all) => {
          using _ = memoryScope();
          const live: Tensor[] = [host([8, 8])];
          for (const { kind, at } of all) {
            const x = live[at % live.length] as Tensor;
            const y = live.at(-1) as Tensor;
            if (kind === 'add') live.push(add(x, y.permute([1, 0])));
            else if (kind === 'matmul') live.push(mul(matmul(x, y), 0.1));
            else if (kind === 'exp') live.push(exp(mul(x, 0.1)));
            else if (kind === 'concat') live.push(slice(concat([x, y], 1), [0, 4], [8, 8]));
            else if (live.length > 1) {
              await evaluate(live);
              live.splice(at % live.length, 1)[0]?.storage?.free();
            }
            if (at % 3 === 0) await evaluate(live);
          }
          await evaluate(live.at(-1));
          const { predictedPeakBytes, peakBytes } = backend.statistics();
          expect(predictedPeakBytes).toBe(peakBytes);
        }),
        runs,
      );
      await backend.synchronize();
    });
  });

  test('that would not suffice is refused before anything is taken, with the largest values', async () => {
    const { step, state } = trainingStep();
    const run = (): Tensor => {
      const { w, m } = state();
      return compile(step, { donate: [0, 1] })(w, m, host([16, 128], 5)).loss;
    };
    const peak = await onFresh(async (backend) => {
      await run().data();
      return backend.statistics().peakBytes;
    });
    await onFresh(async (backend) => {
      const { w, m } = state();
      let refusal: unknown;
      try {
        compile(step, { donate: [0, 1] })(w, m, host([16, 128], 5));
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toMatchObject({
        code: 'out-of-memory',
        expected: `at most ${peak - 1} bytes`,
        received: expect.stringMatching(
          new RegExp(
            `^${peak} bytes, of which 0 are in use already; its largest values are f32\\[`,
          ),
        ),
      });
      expect(String(refusal)).toMatch(/by \w+/);
      await backend.synchronize();
      expect(backend.statistics()).toMatchObject({ peakBytes: 0, submits: 0, dispatches: 0 });
      // What was to be donated is still there.
      expect([...(await (w[0] as Tensor).data())]).toHaveLength(128 * 96);
    }, peak - 1);
    await onFresh(async () => {
      await run().data();
    }, peak);
  });

  test('that is only kept gives way to what is needed', async () => {
    await onFresh(async (backend) => {
      for (const size of [1000, 2000, 3000, 4000]) {
        using _ = memoryScope();
        await exp(host([size])).data();
      }
      await backend.synchronize();
      expect(backend.statistics().deviceBytes).toBeLessThanOrEqual(40_000);
    }, 40_000);
  });

  test('donated to a step is written over: the same bits in less memory', async () => {
    const run = async (donate: readonly number[]): Promise<[number, number[][]]> =>
      await onFresh(async (backend) => {
        const { step, state } = trainingStep();
        const train = compile(step, { donate });
        let { w, m } = state();
        for (let i = 0; i < 3; i++) {
          using scope = memoryScope();
          ({ w, m } = scope.keep(train(w, m, host([16, 128], 5))));
        }
        const results = await Promise.all([...w, ...m].map(async (x) => [...(await x.data())]));
        return [backend.statistics().peakBytes, results];
      });
    const [plainPeak, plain] = await run([]);
    const [donatedPeak, donated] = await run([0, 1]);
    expect(donated).toEqual(plain);
    const stateBytes = 4 * 2 * (128 * 96 + 96 * 64);
    expect(donatedPeak).toBeLessThanOrEqual(plainPeak - stateBytes);
  });

  test('donated in more than one place, or given beside, is written over only as a copy', async () => {
    await onFresh(async (backend) => {
      const both = compile((a: Tensor, b: Tensor) => [add(mul(a, 2), b), mul(b, 3)], {
        donate: [0],
      });
      const x = await evaluate(exp(host([50])));
      const before = [...(await x.data())];
      const [sums, triples] = both(x, x) as [Tensor, Tensor];
      expect([...(await sums.data())]).toEqual(
        before.map((v) => Math.fround(Math.fround(v * 2) + v)),
      );
      expect([...(await triples.data())]).toEqual(before.map((v) => Math.fround(v * 3)));
      const { predictedPeakBytes, peakBytes } = backend.statistics();
      expect(predictedPeakBytes).toBe(peakBytes);
    });
  });

  test('that is donated is read before it is written over', async () => {
    await onFresh(async () => {
      const x = await evaluate(exp(host([50])));
      const reading = x.data();
      compile((a: Tensor) => mul(a, 2), { donate: [0] })(x);
      expect([...(await reading)]).toEqual([...(await exp(host([50])).data())]);
    });
  });

  /** Programs of three states, some of which are donated; each op has two operands among what there is. */
  const steps = fc.record({
    donate: fc.subarray([0, 1, 2]),
    ops: fc.array(
      fc.record({
        kind: fc.constantFrom('add', 'mul', 'matmul', 'turn', 'sum', 'gather'),
        x: fc.nat(),
        y: fc.nat(),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    outputs: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
  });
  test('donated changes no bits of any program', async () => {
    await onFresh(async () => {
      await fc.assert(
        fc.asyncProperty(steps, async ({ donate, ops, outputs }) => {
          const fn = (...given: readonly Tensor[]): Tensor[] => {
            const values = [...given];
            for (const { kind, x, y } of ops) {
              const a = values[x % values.length] as Tensor;
              const b = values[y % values.length] as Tensor;
              if (kind === 'add') values.push(add(a, b));
              else if (kind === 'mul') values.push(mul(mul(a, b), 0.5));
              else if (kind === 'matmul') values.push(mul(matmul(a, b), 0.1));
              else if (kind === 'turn') values.push(add(a.permute([1, 0]), b));
              else if (kind === 'gather')
                values.push(add(gather(a, tensor([3, 1, 0, 2, 5, 7, 6, 4], [8], 'i32'), 0), b));
              else values.push(add(mul(a, sum(b, 1, { keepAxes: true })), b));
            }
            return outputs.map((i) => values[i % values.length] as Tensor);
          };
          const results = async (positions: readonly number[]): Promise<number[][]> => {
            using _ = memoryScope();
            const given = [1, 2, 3].map((scale) => host([8, 8], scale));
            const made = compile(fn, { donate: positions })(...given);
            return await Promise.all(made.map(async (result) => [...(await result.data())]));
          };
          expect(await results(donate)).toEqual(await results([]));
        }),
        runs,
      );
    });
  });
});
