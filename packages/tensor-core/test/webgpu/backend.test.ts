import {
  add,
  attention,
  type Backend,
  compile,
  createReferenceBackend,
  cumsum,
  evaluate,
  exp,
  gather,
  grad,
  matmul,
  mul,
  normal,
  randomKey,
  softmax,
  sum,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

await describeOnWebgpu('the WebGPU backend', (backend) => {
  let before: Backend;
  beforeAll(() => {
    before = useBackend(backend);
  });
  afterAll(() => {
    useBackend(before);
  });

  test('the same program run twice gives the same bits', async () => {
    const x = normal(randomKey(1), [40, 70]);
    const step = compile((a: Tensor) =>
      softmax(matmul(exp(a), normal(randomKey(2), [70, 50])), -1),
    );
    expect(await step(x).data()).toEqual(await step(x).data());
  });

  test('an index that lies outside is an error of what depends on it, and of nothing else', async () => {
    const table = tensor([1, 2, 3]);
    const wrong = add(gather(table, tensor([0, 7], [2], 'i32'), 0), 1);
    await expect(mul(wrong, 2).data()).rejects.toMatchObject({ code: 'index-out-of-range' });
    const right = gather(table, tensor([0, 2], [2], 'i32'), 0);
    expect([...(await right.data())]).toEqual([1, 3]);
    await backend.synchronize().catch(() => undefined);
  });

  test('both ways to spread work give the same to the last digits', async () => {
    const other = await createNodeWebgpuBackend({ tiling: 'workgroup' });
    const results = async (on: Backend): Promise<number[]> => {
      const last = useBackend(on);
      try {
        const x = normal(randomKey(3), [65, 1000]);
        const parts = [
          softmax(x, -1),
          sum(mul(x, x)),
          cumsum(x, 1),
          matmul(x, normal(randomKey(4), [1000, 33])),
        ];
        return (await Promise.all(parts.map((part) => part.data()))).flatMap((data) => [...data]);
      } finally {
        useBackend(last);
      }
    };
    const [a, b] = [await results(backend), await results(other)];
    other.destroy();
    expect(a.length).toBe(b.length);
    a.forEach((value, i) => {
      expect(Math.abs(value - (b[i] ?? 0))).toBeLessThanOrEqual(
        1e-4 * Math.max(1, Math.abs(value)),
      );
    });
  });

  test('a value that is stored for later kernels is still computed by an earlier one that needs it', async () => {
    const wanted: number[][] = [];
    for (const on of [createReferenceBackend(), backend]) {
      const last = useBackend(on);
      const [q, g, w] = [1, 2, 3].map((seed) => normal(randomKey(seed), [1, 2, 1, 1]));
      const [k, v] = [4, 5].map((seed) => normal(randomKey(seed), [1, 1, 1, 1]));
      const slope = (all: readonly Tensor[]): Tensor => {
        const [query, key, value, outer] = all as [Tensor, Tensor, Tensor, Tensor];
        const byQuery = grad((x: Tensor) => sum(mul(attention(x, key, value), outer)))(query);
        return sum(mul(byQuery, w as Tensor));
      };
      const gradients = await evaluate(grad(slope)([q, k, v, g] as Tensor[]));
      wanted.push((await Promise.all(gradients.map((part) => part.data()))).flatMap((x) => [...x]));
      useBackend(last);
    }
    wanted[0]?.forEach((value, i) => {
      expect(wanted[1]?.[i]).toBeCloseTo(value, 5);
    });
  });

  test('what runs is counted', async () => {
    const [x, earlier] = [normal(randomKey(5), [1000]), backend.statistics()];
    await x.data();
    await compile((a: Tensor) => mul(add(a, 1), 2))(x).data();
    const { dispatches, submits, peakBytes, liveBytes } = backend.statistics();
    expect(dispatches).toBeGreaterThan(earlier.dispatches);
    expect(submits).toBeGreaterThan(earlier.submits);
    expect(peakBytes).toBeGreaterThanOrEqual(4000);
    expect(liveBytes).toBeGreaterThanOrEqual(4000);
  });
});

test('a backend without an adapter says so', async () => {
  const gpu = { requestAdapter: async () => null } as unknown as GPU;
  const { createWebgpuBackend } = await import('@lorikeet/tensor-core/webgpu');
  await expect(createWebgpuBackend({ gpu })).rejects.toMatchObject({ code: 'backend-unavailable' });
});
