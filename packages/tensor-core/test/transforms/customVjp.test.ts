import {
  compile,
  customVjp,
  exp,
  grad,
  jvp,
  mul,
  sin,
  stopGradient,
  sum,
  type Tensor,
  tensor,
  vjp,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

const x = tensor([1, 2, 3]);

test('the given derivative stands for that of the ops', async () => {
  const tripled = customVjp(
    (t: Tensor) => mul(t, t),
    ({ cotangent }) => [mul(cotangent, 3)],
  );
  const { value, pullback } = vjp(tripled, x);
  expect(await nested(value)).toEqual([1, 4, 9]);
  expect(await nested(pullback(tensor([1, 1, 2])))).toEqual([3, 3, 6]);
});

test('it sees arguments and value, and is differentiated itself', async () => {
  const exponential = customVjp(
    (t: Tensor) => exp(t),
    ({ value, cotangent }) => [mul(cotangent, value)],
  );
  const second = grad((t: Tensor) => sum(grad((u: Tensor) => sum(exponential(u)))(t)));
  expect(await nested(second(x))).toEqual(near([1, 2, 3].map(Math.exp)));
  const { tangent } = jvp(exponential, x, tensor([1, 0, 0]));
  expect(await nested(tangent)).toEqual(near([Math.E, 0, 0]));
});

test('arguments and results are trees; null is no derivative', async () => {
  const fn = customVjp(
    ({ a, b }: { a: Tensor; b: Tensor }, scale: Tensor) => [mul(a, b), mul(a, scale)] as const,
    ({ args: [{ a, b }], cotangent: [first, second] }) => [
      { a: mul(first, b), b: mul(second, a) },
      null,
    ],
  );
  const { pullback } = vjp(
    (all: { a: Tensor; b: Tensor; s: Tensor }) => fn({ a: all.a, b: all.b }, all.s),
    { a: x, b: tensor([4, 5, 6]), s: tensor([7, 8, 9]) },
  );
  const gradient = pullback([tensor([1, 1, 1]), tensor([10, 10, 10])]);
  expect(await nested(gradient.a)).toEqual([4, 5, 6]);
  expect(await nested(gradient.b)).toEqual([10, 20, 30]);
  expect(await nested(gradient.s)).toEqual([0, 0, 0]);
});

test('of several results, those that are not used have a derivative of zero', async () => {
  const fn = customVjp(
    (t: Tensor) => ({ a: sin(t), b: mul(t, t) }),
    ({ args: [t], cotangent: { a, b } }) => [a.add(mul(b, mul(t, 2)))],
  );
  expect(await nested(grad((t: Tensor) => sum(fn(t).b))(x))).toEqual([2, 4, 6]);
  expect(await nested(grad((t: Tensor) => sum(fn(t).a))(x))).toEqual([1, 1, 1]);
});

test('compiled', async () => {
  const tripled = customVjp(
    (t: Tensor) => mul(t, t),
    ({ cotangent }) => [mul(cotangent, 3)],
  );
  expect(await nested(compile(grad((t: Tensor) => sum(tripled(t))))(x))).toEqual([3, 3, 3]);
});

test('a tensor of the outside that is differentiated by is refused, unless its gradient is stopped', async () => {
  const loss = (w: Tensor, inner: (w: Tensor) => Tensor): Tensor =>
    sum(
      customVjp(
        (t: Tensor) => mul(t, inner(w)),
        ({ cotangent }) => [cotangent],
      )(x),
    );
  expect(() => grad(loss)(x, (w) => w)).toThrow(
    /customVjp: the function uses a tensor of the outside that the derivative is sought by/,
  );
  expect(await nested(grad(loss)(x, stopGradient))).toEqual([0, 0, 0]);
});

test('a derivative that does not fit its argument is refused', () => {
  const wrong = customVjp(
    (t: Tensor) => mul(t, t),
    ({ cotangent }) => [sum(cotangent)],
  );
  expect(() => grad((t: Tensor) => sum(wrong(t)))(x)).toThrow(
    /customVjp: the derivative does not fit the argument[\s\S]*expected: f32\[3\][\s\S]*received: f32\[\]/,
  );
});
