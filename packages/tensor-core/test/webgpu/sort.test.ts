import { argsort, type DType, sort, tensor, topk } from '@lorikeet/tensor-core';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compiledBy, hostOpsIn } from './compiledBy.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';
import { onReference } from './onReference.ts';

const dtypes: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'i8', 'u8', 'bool'];
const floats = [0, -0, 1, -1, 0.5, 1e-40, -1e-40, 3e38, Infinity, -Infinity, NaN];
const integers = [0, 1, 2, 3, 100, 2 ** 31 - 1];

const call = fc
  .record({
    shape: fc.oneof(
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 500, max: 2500 })),
    ),
    dtype: fc.constantFrom(...dtypes),
    descending: fc.boolean(),
    seed: fc.nat(),
    axis: fc.nat(2),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ shape, dtype, seed, axis, ...others }) => {
    const isFloat = ['f32', 'f16', 'bf16'].includes(dtype);
    const size = shape.reduce((product, side) => product * side, 1);
    const values = Array.from({ length: size }, (_, i) => {
      const drawn = Math.abs(Math.sin(seed + i * 12.9898) * 43758.5453);
      const few = isFloat ? floats : integers;
      if (Math.floor(drawn * 7) % 2 === 0) return few[Math.floor(drawn * 1000) % few.length] ?? 0;
      return isFloat ? drawn - 20000 : Math.floor(drawn) % 50;
    });
    return { ...others, values, shape, dtype, axis: axis % shape.length };
  });

await describeOnWebgpu('sorting', (backend) => {
  const runs = Number(process.env.LORIKEET_RUNS ?? 20);
  test('gives the order of the reference, with equals as they were and NaN as the largest', async () => {
    await fc.assert(
      fc.asyncProperty(call, async ({ values, shape, dtype, axis, descending, share }) => {
        const k = Math.floor(share * (shape[axis] ?? 0));
        const body = async (): Promise<unknown> => {
          const x = tensor(values, shape, dtype);
          const top = topk(x, k, { axis, largest: descending });
          const results = [
            argsort(x, { axis, descending }),
            sort(x, { axis, descending }),
            top.values,
            top.indices,
          ];
          return await Promise.all(results.map((result) => result.data()));
        };
        const { result, executables } = await compiledBy(backend, body);
        expect(hostOpsIn(backend, executables)).toEqual([]);
        expect(result).toEqual(await onReference(body));
      }),
      { numRuns: runs },
    );
  }, 120_000);

  test('of a long line whose largest few are wanted, no more than those are merged', async () => {
    const logits = Float32Array.from({ length: 50_257 }, (_, i) => Math.sin(i * i));
    const body = async (): Promise<unknown> => {
      const { values, indices } = topk(tensor(logits, [50_257]), 40);
      return [await indices.data(), await values.data()];
    };
    const fresh = await createNodeWebgpuBackend();
    const { result } = await compiledBy(fresh, body);
    const { unplannedBytes } = fresh.statistics();
    fresh.destroy();
    // 40 places of each 512, half as many pairs of runs, and so on.
    expect(unplannedBytes).toBeGreaterThan(0);
    expect(unplannedBytes).toBeLessThan(2 * Math.ceil(50_257 / 512) * 40 * 4 + 8 * 4 * 40);
    expect(result).toEqual(await onReference(body));
  });
});
