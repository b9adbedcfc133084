import {
  abs,
  type Backend,
  createReferenceBackend,
  dot,
  normal,
  randomKey,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { createNodeWebgpuBackend, type NodeWebgpuOptions } from '@lorikeet/tensor-core/webgpu/node';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DotAttributes } from '../../src/ops/contraction/dot.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

/** Sides at which tiles, groups and readers end in the middle, or do not. */
const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(64, 65, 96, 128, 130, 260));
const depth = fc.oneof(fc.integer({ min: 1, max: 24 }), fc.constantFrom(256, 512, 1024));

const product = fc.record({
  batch: fc.constantFrom(1, 3),
  rows: side,
  columns: side,
  depth,
  isDeepA: fc.boolean(),
  isDeepB: fc.boolean(),
});

/** Large enough for the largest tiles, whole and cut off, each order of the operands once. */
const large = [
  { batch: 1, rows: 96, columns: 260, depth: 512, isDeepA: true, isDeepB: true },
  { batch: 1, rows: 65, columns: 256, depth: 512, isDeepA: true, isDeepB: false },
  { batch: 3, rows: 64, columns: 130, depth: 256, isDeepA: false, isDeepB: false },
];

/** Families of kernels: `readers` reads rows for others, by subgroups. */
const families: Readonly<Record<string, NodeWebgpuOptions>> = {
  readers: { tiling: 'register' },
  registers: { tiling: 'register', without: ['subgroups'] },
  workgroups: { tiling: 'workgroup' },
};

await describeOnWebgpu('products of any sides', () => {
  for (const [name, options] of Object.entries(families)) {
    test(`with ${name}, within the rounding of their sums`, { timeout: 120_000 }, async () => {
      const backend = await createNodeWebgpuBackend(options);
      try {
        await fc.assert(
          fc.asyncProperty(product, async (sides) => {
            const [left, right] = await operandsOf(sides);
            const attributes = attributesOf(sides);
            const found = await on(backend, left, right, (a, b) => dot(a, b, attributes));
            const wanted = await on(createReferenceBackend(), left, right, (a, b) =>
              dot(a, b, attributes),
            );
            const sizes = await on(createReferenceBackend(), left, right, (a, b) =>
              dot(abs(a), abs(b), attributes),
            );
            // Both sum in f32, each within (depth + 1) roundings of the exact sum (Higham 2002, 3.1).
            const bound = 2 * (sides.depth + 1) * 2 ** -24;
            expect(found.length).toBe(wanted.length);
            found.forEach((value, i) => {
              const error = Math.abs(value - (wanted[i] ?? Number.NaN));
              expect(error).toBeLessThanOrEqual(bound * (sizes[i] ?? 0));
            });
          }),
          { numRuns: 8, examples: large.map((sides) => [sides]) },
        );
      } finally {
        backend.destroy();
      }
    });
  }
});

type Sides = typeof product extends fc.Arbitrary<infer T> ? T : never;

interface Operand {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

async function operandsOf(sides: Sides): Promise<readonly [Operand, Operand]> {
  const { batch, rows, columns, isDeepA, isDeepB } = sides;
  const drawn = async (key: number, shape: readonly number[]): Promise<Operand> => ({
    shape,
    data: Float32Array.from(await normal(randomKey(key), shape).data(), Number),
  });
  const last = useBackend(createReferenceBackend());
  try {
    return [
      await drawn(1, isDeepA ? [batch, rows, sides.depth] : [batch, sides.depth, rows]),
      await drawn(2, isDeepB ? [batch, columns, sides.depth] : [batch, sides.depth, columns]),
    ];
  } finally {
    useBackend(last);
  }
}

function attributesOf({ isDeepA, isDeepB }: Sides): DotAttributes {
  return {
    contract: [[isDeepA ? 2 : 1], [isDeepB ? 2 : 1]],
    batch: [[0], [0]],
  };
}

async function on(
  backend: Backend,
  left: Operand,
  right: Operand,
  compute: (a: Tensor, b: Tensor) => Tensor,
): Promise<readonly number[]> {
  const last = useBackend(backend);
  try {
    const result = compute(tensor(left.data, left.shape), tensor(right.data, right.shape));
    return Array.from(await result.data(), Number);
  } finally {
    useBackend(last);
  }
}
