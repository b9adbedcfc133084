import {
  argmax,
  compile,
  dot,
  max,
  normal,
  prod,
  randomKey,
  softmax,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { createNodeWebgpuBackend, type NodeWebgpuOptions } from '@lorikeet/tensor-core/webgpu/node';
import { expect, test } from 'vitest';
import { shuffledWidth } from '../../src/backends/webgpu/emit/shuffledTree.ts';
import { compiledBy } from './compiledBy.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

const computations: Readonly<Record<string, (x: Tensor, w: Tensor) => Tensor>> = {
  sum: (x) => sum(x, 1),
  max: (x) => max(x, 1),
  prod: (x) => prod(x, 1),
  argmax: (x) => argmax(x, 1),
  softmax: (x) => softmax(x, 1),
  'product with a vector': (x, w) => dot(x, w, { contract: [[1], [1]] }),
};

await describeOnWebgpu('a tree that ends in subgroups', (backend: WebgpuBackend) => {
  const outcome = async (
    options: NodeWebgpuOptions,
    compute: (x: Tensor, w: Tensor) => Tensor,
  ): Promise<readonly [data: unknown, texts: string]> => {
    const other = await createNodeWebgpuBackend({ tiling: 'workgroup', ...options });
    try {
      const { result, executables } = await compiledBy(other, async () => {
        const x = normal(randomKey(3), [1, 1000]);
        const w = normal(randomKey(4), [37, 1000]);
        return await compile(compute)(x, w).data();
      });
      const texts = executables.flatMap((executable) => other.kernelsOf(executable));
      return [result, texts.map(({ wgsl }) => wgsl).join('\n')];
    } finally {
      other.destroy();
    }
  };
  const hasSubgroups = backend.adapter.features.includes('subgroups');

  for (const [name, compute] of Object.entries(computations))
    test(`gives the bits of one that stays in memory: ${name}`, async ({ skip }) => {
      if (!hasSubgroups) skip('the adapter has no subgroups');
      const [shuffled, text] = await outcome({}, compute);
      const [plain, plainText] = await outcome({ without: ['subgroups'] }, compute);
      expect(text).toContain('subgroupShuffleXor');
      expect(plainText).not.toContain('subgroup');
      expect(shuffled).toEqual(plain);
    });
});

test('is as wide as the smallest subgroup, and is not there where a subgroup may be wider than the group', () => {
  expect(shuffledWidth(64, undefined)).toBe(1);
  expect(shuffledWidth(64, { min: 4, max: 4 })).toBe(4);
  expect(shuffledWidth(64, { min: 8, max: 32 })).toBe(8);
  expect(shuffledWidth(64, { min: 64, max: 64 })).toBe(32);
  expect(shuffledWidth(64, { min: 32, max: 128 })).toBe(1);
});
