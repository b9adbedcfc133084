import { add, compile, matmul, mul, type Tensor, tensor, useBackend } from '@lorikeet/tensor-core';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import { expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

await describeOnWebgpu('operands that are read in vectors', () => {
  for (const tiling of ['register', 'workgroup'] as const)
    test(`can be read one by one by what follows the product, in ${tiling} tiles`, async () => {
      const backend = await createNodeWebgpuBackend({ tiling });
      const before = useBackend(backend);
      try {
        const step = compile((a: Tensor, b: Tensor) => add(matmul(a, b), mul(b, 10)));
        const a = tensor([1, 0, 0, 0, 2, 0, 0, 0, 3], [3, 3]);
        const b = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [3, 4]);
        const found = [...(await step(a, b).data())];
        expect(found).toEqual([11, 22, 33, 44, 60, 72, 84, 96, 117, 130, 143, 156]);
      } finally {
        useBackend(before);
        backend.destroy();
      }
    });
});
