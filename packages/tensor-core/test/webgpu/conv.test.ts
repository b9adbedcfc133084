import { compile, conv, grad, mul, sum, type Tensor, tensor } from '@lorikeet/tensor-core';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import { expect, test } from 'vitest';
import { compiledBy, hostOpsIn } from './compiledBy.ts';

// Dawn's null backend computes nothing, so that this needs no adapter.
const inputShape = [2, 16, 20, 20];
const paddedBytes = 4 * 2 * 16 * 22 * 22;
const resultBytes = 4 * 2 * 32 * 20 * 20;

function zeros(shape: readonly number[]): Tensor {
  return tensor(new Float32Array(shape.reduce((size, side) => size * side, 1)), shape);
}

/** Bytes of all that a computation keeps between its kernels. */
async function keptBytes(compute: (x: Tensor, weight: Tensor) => Tensor): Promise<number> {
  const backend = await createNodeWebgpuBackend({ dawn: ['backend=null'] });
  try {
    const { executables } = await compiledBy(backend, async () => {
      await compile(compute)(zeros(inputShape), zeros([32, 16, 3, 3]))
        .data()
        .catch(() => undefined);
    });
    expect(hostOpsIn(backend, executables)).toEqual([]);
    return backend.statistics().unplannedBytes;
  } finally {
    backend.destroy();
  }
}

function convolve(x: Tensor, weight: Tensor): Tensor {
  return conv(x, weight, { padding: 1 });
}

test('a convolution keeps its padded input, and one sum for each place of the kernel, but no copies of windows', async () => {
  const bytes = await keptBytes(convolve);
  expect(bytes).toBeLessThanOrEqual(paddedBytes + 9 * resultBytes);
});

test('nor does its derivative by the weight, which reads the windows again', async () => {
  const byWeight = grad((weight: Tensor, x: Tensor) => sum(mul(convolve(x, weight), 2)));
  const bytes = await keptBytes((x, weight) => byWeight(weight, x));
  expect(bytes).toBeLessThan(9 * 4 * 2 * 16 * 20 * 20);
});
