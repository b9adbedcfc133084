import {
  compile,
  exp,
  jvp,
  matmul,
  mul,
  sin,
  stopGradient,
  sum,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

test('the value and its derivative along a direction', async () => {
  const { value, tangent } = jvp(sin, tensor([0, 1]), tensor([2, 3]));
  expect(await nested(value)).toEqual(near([0, Math.sin(1)]));
  expect(await nested(tangent)).toEqual(near([2, 3 * Math.cos(1)]));
});

test('trees of any structure, tensors that are not numbers left alone', async () => {
  const fn = ({ a, n }: { a: Tensor; n: Tensor }): { y: Tensor; n: Tensor } => ({
    y: mul(a, a),
    n,
  });
  const n = tensor([1], [1], 'i32');
  const { tangent } = jvp(fn, { a: tensor([3]), n }, { a: tensor([5]), n });
  expect(await nested(tangent.y)).toEqual([30]);
  expect(await nested(tangent.n)).toEqual([0]);
});

test('a stopped gradient has no tangent', async () => {
  const { tangent } = jvp((x: Tensor) => mul(x, stopGradient(x)), tensor([3]), tensor([1]));
  expect(await nested(tangent)).toEqual([3]);
});

test('of a jvp: a second derivative along two directions', async () => {
  const along = (x: Tensor): Tensor => jvp(exp, x, tensor([2])).tangent;
  const { tangent } = jvp(along, tensor([1]), tensor([3]));
  expect(await nested(tangent)).toEqual(near([6 * Math.E]));
});

test('what is left of the way back is not in the program', () => {
  const w = tensor([
    [1, 2],
    [3, 4],
  ]);
  const push = compile(
    (x: Tensor, t: Tensor) => jvp((u: Tensor) => sum(sin(matmul(w, u))), x, t).tangent,
  );
  const { instructions } = push.program(tensor([1, 2]), tensor([1, 0]));
  const names = instructions.map(({ op }) => op.name);
  expect(names.filter((name) => name === 'dot')).toHaveLength(2);
  expect(names).not.toContain('sin');
});
