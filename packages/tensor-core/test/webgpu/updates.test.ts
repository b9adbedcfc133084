import {
  type DType,
  full,
  putAlongAxis,
  scatter,
  scatterAdd,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compiledBy, hostOpsIn } from './compiledBy.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';
import { onReference } from './onReference.ts';

const runs = Number(process.env.LORIKEET_RUNS ?? 20);

/** Numbers that are told apart by the order in which they are summed. */
function numbers(shape: readonly number[], seed: number): Float32Array {
  const size = shape.reduce((product, side) => product * side, 1);
  return Float32Array.from(
    { length: size },
    (_, i) => Math.sin(seed + i * 12.9898) * 10 ** (i % 7),
  );
}

function indices(shape: readonly number[], side: number, seed: number): number[] {
  return [...numbers(shape, seed)].map((number) => Math.floor(Math.abs(number) * 1e3) % side);
}

const call = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
  axis: fc.nat(2),
  count: fc.oneof(fc.integer({ min: 12, max: 40 }), fc.integer({ min: 500, max: 1300 })),
  rows: fc.integer({ min: 1, max: 50 }),
  dtype: fc.constantFrom<DType>('f32', 'i32', 'u8'),
  indexType: fc.constantFrom<DType>('i32', 'u32', 'u8'),
  seed: fc.nat(1000),
});

await describeOnWebgpu('updates at indices', (backend) => {
  test('are taken in order, so that sums have the bits of the reference', async () => {
    await fc.assert(
      fc.asyncProperty(
        call,
        async ({ shape, axis: drawn, count, rows, dtype, indexType, seed }) => {
          const axis = drawn % shape.length;
          const sides = shape.with(axis, rows);
          const counts = [2, Math.ceil(count / 2)];
          const many = [...shape.slice(0, axis), ...counts, ...shape.slice(axis + 1)];
          const lines = sides.map((side, i) => (i === axis ? count : Math.ceil(side / 2)));
          const body = async (): Promise<unknown> => {
            const x = tensor(numbers(sides, seed), sides, dtype);
            const ids = tensor(indices(counts, rows, seed), counts, indexType);
            const updates = tensor(numbers(many, seed + 1), many, dtype);
            const places = tensor(indices(lines, rows, seed + 2), lines, indexType);
            const others = tensor(numbers(lines, seed + 3), lines, dtype);
            const results: Tensor[] = [
              scatter(x, ids, updates, axis),
              scatterAdd(x, ids, updates, axis),
              putAlongAxis(x, places, others, axis),
              putAlongAxis(x, places, others, axis, { mode: 'add' }),
            ];
            return await Promise.all(results.map((result) => result.data()));
          };
          const { result, executables } = await compiledBy(backend, body);
          expect(hostOpsIn(backend, executables)).toEqual([]);
          expect(result).toEqual(await onReference(body));
        },
      ),
      { numRuns: runs },
    );
  }, 240_000);

  test('the gradient of a large embedding stays on the device', async () => {
    const [rows, columns, count] = [50_257, 32, 512];
    const body = async (): Promise<unknown> => {
      const ids = tensor(indices([count], 300, 5), [count], 'i32');
      const updates = tensor(numbers([count, columns], 6), [count, columns]);
      return await scatterAdd(full([rows, columns], 0), ids, updates).data();
    };
    const { result, executables } = await compiledBy(backend, body);
    expect(hostOpsIn(backend, executables)).toEqual([]);
    expect(result).toEqual(await onReference(body));
  });

  test('one index of many that lies outside is an error that names the op', async () => {
    const ids = indices([40], 5, 1).with(33, 5);
    const wrong = (): Promise<unknown> =>
      scatterAdd(full([5], 0), tensor(ids, [40], 'i32'), full([40], 1)).data();
    const { result } = await compiledBy(backend, async () => await wrong().catch((e) => e));
    expect(result).toMatchObject({ code: 'index-out-of-range' });
    expect(String(result)).toContain('scatterAdd');
    await backend.synchronize().catch(() => undefined);
  });
});
