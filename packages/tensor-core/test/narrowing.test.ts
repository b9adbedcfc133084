import {
  compile,
  evaluate,
  gelu,
  grad,
  layerNorm,
  matmul,
  mul,
  normal,
  ones,
  type Program,
  pad,
  randomKey,
  reshape,
  slice,
  softmax,
  sum,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const [weight, x] = await evaluate([
  normal(randomKey(1), [4, 4]),
  normal(randomKey(2), [2, 5, 4]),
] as const);

/** The first token of each row of [B, T, D]. */
const first = (states: Tensor): Tensor => slice(states, [0, 0, 0], [2, 1, 4]);

/** Shapes of the results of an op, in the order of the program. */
function shapesOf(program: Program, name: string): (readonly number[])[] {
  return program.instructions.filter(({ op }) => op.name === name).map(({ type }) => type.shape);
}

describe('what is not used is not computed', () => {
  test('by products, elementwise ops, norms and a reshape, up to the input', () => {
    const run = compile((states: Tensor) => {
      const normed = layerNorm(gelu(matmul(states, weight)), ones([4]), zeros([4]), 1e-5);
      return first(reshape(reshape(normed, [2, 5, 2, 2]), [2, 5, 4]));
    });
    const program = run.program(x);
    expect(shapesOf(program, 'dot')).toEqual([[2, 1, 4]]);
    expect(program.instructions[0]?.op.name).toBe('slice');
    expect(shapesOf(program, 'slice')).toEqual([[2, 1, 4]]);
  });

  test('but for an axis along which an op mixes', () => {
    const run = compile((states: Tensor) => first(softmax(matmul(states, weight), 1)));
    expect(shapesOf(run.program(x), 'dot')).toEqual([[2, 5, 4]]);
  });

  test('around all that several uses need', () => {
    const run = compile((states: Tensor) => {
      const product = matmul(states, weight);
      return [slice(product, [0, 1, 0], [2, 1, 4]), slice(product, [0, 3, 0], [2, 1, 4])];
    });
    expect(shapesOf(run.program(x), 'dot')).toEqual([[2, 3, 4]]);
  });

  test('nor is it where it is a result itself', () => {
    const run = compile((states: Tensor) => {
      const product = matmul(states, weight);
      return [product, first(product)];
    });
    expect(shapesOf(run.program(x), 'dot')).toEqual([[2, 5, 4]]);
  });
});

describe('zeros are not multiplied', () => {
  test('in the gradient of a slice', async () => {
    const loss = (w: Tensor): Tensor => sum(mul(first(matmul(gelu(matmul(x, w)), weight)), 2));
    const run = compile(grad(loss));
    const products = shapesOf(run.program(weight), 'dot');
    // All but the gradient of the weight itself are of one token.
    expect(products.filter((shape) => shape.length === 3)).toEqual([
      [2, 1, 4],
      [2, 1, 4],
    ]);
    expect(shapesOf(run.program(weight), 'pad')).toEqual([]);
  });

  test('along an axis that is summed over', () => {
    const run = compile((part: Tensor) => matmul(pad(part, { low: [0, 2], high: [0, 1] }), weight));
    const program = run.program(ones([3, 1]));
    expect(shapesOf(program, 'pad')).toEqual([]);
    expect(shapesOf(program, 'slice')).toEqual([[1, 4]]);
  });
});
