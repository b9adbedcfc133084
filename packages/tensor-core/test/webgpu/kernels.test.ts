import {
  add,
  type Backend,
  type Buffer,
  compile,
  div,
  dot,
  gather,
  layerNorm,
  matmul,
  mul,
  permute,
  relu,
  sub,
  sum,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DotAttributes } from '../../src/ops/contraction/dot.ts';

// Dawn's null backend compiles and runs nothing, so these need no adapter.
let backend: WebgpuBackend;
let before: Backend;

beforeAll(async () => {
  backend = await createNodeWebgpuBackend({ dawn: ['backend=null'] });
  before = useBackend(backend);
});

afterAll(() => {
  useBackend(before);
  backend.destroy();
});

function zeros(shape: readonly number[]): Tensor {
  return tensor(new Float32Array(shape.reduce((size, side) => size * side, 1)), shape);
}

/** The texts of the kernels that a function becomes. */
async function kernelsOf(
  fn: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): Promise<readonly string[]> {
  const found: string[] = [];
  const watched: Backend = {
    ...backend,
    compile(program, constants: readonly Buffer[]) {
      const executable = backend.compile(program, constants);
      found.push(...backend.kernelsOf(executable).map(({ wgsl }) => wgsl));
      return executable;
    },
  };
  const last = useBackend(watched);
  try {
    // The null backend computes nothing: what is read is of no meaning.
    await compile(fn)(inputs)
      .data()
      .catch(() => undefined);
  } finally {
    useBackend(last);
  }
  return found;
}

test('a chain of elementwise ops is one kernel, which can be read', async () => {
  const kernels = await kernelsOf(
    ([x, y]) => relu(add(mul(x as Tensor, 3), y as Tensor)),
    [zeros([4, 100]), zeros([100])],
  );
  expect(kernels).toHaveLength(1);
  expect(kernels[0]).toMatchSnapshot();
});

test('a contraction takes its bias, activation and residual along', async () => {
  const kernels = await kernelsOf(
    ([x, w, b, r]) => add(relu(add(matmul(x as Tensor, w as Tensor), b as Tensor)), r as Tensor),
    [zeros([16, 32]), zeros([32, 64]), zeros([64]), zeros([16, 64])],
  );
  expect(kernels).toHaveLength(1);
  expect(kernels[0]).toMatchSnapshot();
});

test('a norm is one kernel', async () => {
  const kernels = await kernelsOf(
    ([x, w, b]) => layerNorm(x as Tensor, w as Tensor, b as Tensor, 1e-5),
    [zeros([8, 100]), zeros([100]), zeros([100])],
  );
  expect(kernels).toHaveLength(1);
  expect(kernels[0]).toMatchSnapshot();
});

test('a step of an optimiser is part of the kernel of the gradient, however that is transposed', async () => {
  for (const isTurned of [false, true]) {
    const kernels = await kernelsOf(
      ([x, dy, weight, momentum, count]) => {
        const contract: DotAttributes['contract'] = [[0], [0]];
        const batch: DotAttributes['batch'] = [[], []];
        const gradient = isTurned
          ? permute(dot(dy as Tensor, x as Tensor, { contract, batch }), [1, 0])
          : dot(x as Tensor, dy as Tensor, { contract, batch });
        const next = add(mul(momentum as Tensor, 0.9), gradient);
        // Made last, as in an optimiser; used in each element of the weight.
        const rate = div(0.1, add(count as Tensor, 1));
        return sub(weight as Tensor, mul(next, rate));
      },
      [zeros([64, 32]), zeros([64, 48]), zeros([32, 48]), zeros([32, 48]), zeros([])],
    );
    // One for the rate, and one for all else.
    expect(kernels).toHaveLength(2);
    // The weight is read where the result is written, and both side by side.
    expect(kernels[1]).toContain('m * 48u + n');
    expect(kernels[1]).not.toContain('m + n * ');
  }
});

test('the same program gives the same text', async () => {
  const make = (): Promise<readonly string[]> =>
    kernelsOf(([x]) => sum(mul(x as Tensor, x as Tensor), [0]), [zeros([70, 9])]);
  expect(await make()).toEqual(await make());
});

test('what is never read costs nothing: a tensor that is only gathered from is not copied', async () => {
  const kernels = await kernelsOf(
    ([table, ids]) => gather(mul(table as Tensor, 2), ids as Tensor, 0),
    [zeros([1000, 8]), tensor([1, 2], [2], 'i32')],
  );
  expect(kernels).toHaveLength(1);
});
