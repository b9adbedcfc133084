import {
  abs,
  add,
  compile,
  div,
  exp,
  gather,
  grad,
  log,
  matmul,
  maximum,
  mul,
  mulOp,
  operand,
  type Primitive,
  pow,
  realize,
  record,
  relu,
  silu,
  sin,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  valueAndGrad,
  valueAndGradWithAux,
  vjp,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { near, nested } from './nested.ts';

const x = tensor([1, 2, 3]);

test('the chain rule carries a derivative through several ops', async () => {
  const slope = grad((t: Tensor) => sum(sin(mul(t, t))));
  expect(await nested(slope(x))).toEqual(near([1, 2, 3].map((v) => 2 * v * Math.cos(v * v))));
});

test('a tensor used more than once gets the sum of the derivatives of its uses', async () => {
  const slope = grad((t: Tensor) => {
    const shared = exp(t);
    return sum(add(mul(shared, t), shared));
  });
  expect(await nested(slope(x))).toEqual(near([1, 2, 3].map((v) => Math.exp(v) * (v + 2))));
});

test('an operand that was broadcast gets the sum over its copies', async () => {
  const slope = grad(({ a, b }: { a: Tensor; b: Tensor }) => sum(mul(a, b)));
  const { a, b } = slope({ a: tensor([[1], [2]]), b: tensor([3, 4, 5]) });
  expect(await nested(a)).toEqual([[12], [12]]);
  expect(await nested(b)).toEqual([3, 3, 3]);
});

test('the derivative of a tree is a tree of the same structure', async () => {
  const model = { layers: [{ w: tensor([[1, 2]]), name: 'a' }], scale: tensor(2), rate: 0.1 };
  const slope = grad((m: typeof model) =>
    sum(mul(matmul(m.layers[0]?.w ?? m.scale, tensor([3, 4])), m.scale)),
  )(model);
  expect(slope.rate).toBe(0.1);
  expect(slope.layers[0]?.name).toBe('a');
  expect(await nested(slope.layers[0]?.w ?? tensor(0))).toEqual([[6, 8]]);
  expect(await nested(slope.scale)).toBe(11);
});

test('what the function does not use has the derivative zero', async () => {
  const { used, unused } = grad((t: { used: Tensor; unused: Tensor }) => sum(t.used))({
    used: x,
    unused: tensor([[1, 2]]),
  });
  expect(await nested(used)).toEqual([1, 1, 1]);
  expect(await nested(unused)).toEqual([[0, 0]]);
});

test('integers are carried along and have the derivative zero', async () => {
  const ids = tensor([2, 0, 2], undefined, 'i32');
  const slope = grad((t: { table: Tensor; ids: Tensor }) => sum(gather(t.table, t.ids)));
  const { table, ids: byIds } = slope({ table: x, ids });
  expect(await nested(table)).toEqual([1, 0, 2]);
  expect(byIds.dtype).toBe('i32');
  expect(await nested(byIds)).toEqual([0, 0, 0]);
});

test('no derivative flows through stopGradient', async () => {
  const slope = grad((t: Tensor) => sum(mul(t, stopGradient(mul(t, t)))));
  expect(await nested(slope(x))).toEqual([1, 4, 9]);
});

test('the value stays that of the function under stopGradient', async () => {
  expect(await nested(stopGradient(x))).toEqual([1, 2, 3]);
});

test('concrete tensors that the function closes over are constants', async () => {
  const weight = tensor([10, 20, 30]);
  expect(await nested(grad((t: Tensor) => sum(mul(t, weight)))(x))).toEqual([10, 20, 30]);
});

test('closing over the point itself does not make it vary', async () => {
  expect(await nested(grad((t: Tensor) => sum(mul(t, x)))(x))).toEqual([1, 2, 3]);
});

test('a derivative can be differentiated again and again', async () => {
  const cube = (t: Tensor): Tensor => sum(mul(mul(t, t), t));
  const first = grad(cube);
  const second = grad((t: Tensor) => sum(first(t)));
  const third = grad((t: Tensor) => sum(second(t)));
  expect(await nested(first(x))).toEqual([3, 12, 27]);
  expect(await nested(second(x))).toEqual([6, 12, 18]);
  expect(await nested(third(x))).toEqual([6, 6, 6]);
});

test('an inner derivative does not see the variable of an outer one', async () => {
  // d/dx of x * (d/dy of x + y at y = 1) is 1: perturbation confusion would give 2 (Siskind and Pearlmutter 2005).
  const outer = grad((a: Tensor) => {
    const inner = grad((b: Tensor) => add(a, b))(tensor(1));
    return mul(a, inner);
  });
  expect(await outer(tensor(1)).item()).toBe(1);
});

test('a composite without a derivative of its own is differentiated through its body', async () => {
  const s = 1 / (1 + Math.exp(-1));
  expect(await grad((t: Tensor) => silu(t))(tensor(1)).item()).toBeCloseTo(s * (2 - s), 6);
});

test('kinks have the derivatives that their docs promise', async () => {
  const zero = tensor(0);
  expect(await grad((t: Tensor) => relu(t))(zero).item()).toBe(0);
  expect(await grad((t: Tensor) => abs(t))(zero).item()).toBe(0);
  expect(await grad((t: Tensor) => maximum(t, 0))(zero).item()).toBe(0.5);
  expect(await nested(grad((t: Tensor) => t.max())(tensor([3, 7, 7])))).toEqual([0, 0.5, 0.5]);
});

test('a power of a negative number has a derivative by its base', async () => {
  expect(await grad((t: Tensor) => pow(t, 3))(tensor(-2)).item()).toBe(12);
});

test('a rule may say that there is no derivative by an operand', async () => {
  const product: Primitive = {
    ...mulOp,
    name: 'productWithConstant',
    derivative: ({ inputs, gradient }) => [mul(gradient, operand(inputs, 1)), null],
  };
  const slope = grad(([a, b]: readonly [Tensor, Tensor]) => sum(record(product, [a, b], {})));
  const [byA, byB] = slope([x, tensor([4, 5, 6])]);
  expect([await nested(byA), await nested(byB)]).toEqual([
    [4, 5, 6],
    [0, 0, 0],
  ]);
});

test('the derivative is the same compiled', async () => {
  const loss = (t: Tensor): Tensor => sum(log(add(mul(t, t), 1)));
  const inside = grad((t: Tensor) => compile(loss)(t));
  expect(await nested(compile(grad(loss))(x))).toEqual(await nested(grad(loss)(x)));
  expect(await nested(inside(x))).toEqual(await nested(grad(loss)(x)));
});

test('the derivative has the dtype of what it is taken by', () => {
  const slope = grad((t: Tensor) => sum(mul(t.cast('f32'), 2)));
  expect(slope(tensor([1], undefined, 'f16')).dtype).toBe('f16');
});

test('further arguments are held constant', async () => {
  const slope = grad((t: Tensor, by: Tensor, power: number) => sum(mul(pow(t, power), by)));
  expect(await nested(slope(x, tensor([1, 10, 100]), 2))).toEqual([2, 40, 600]);
});

test('valueAndGrad gives both, and valueAndGradWithAux what else there is', async () => {
  const { value, gradient } = valueAndGrad((t: Tensor) => sum(mul(t, t)))(x);
  expect(await value.item()).toBe(14);
  expect(await nested(gradient)).toEqual([2, 4, 6]);
  const withAux = valueAndGradWithAux((t: Tensor) => {
    const squares = mul(t, t);
    return { value: sum(squares), aux: { squares, note: 'seen' } };
  })(x);
  expect(await withAux.value.item()).toBe(14);
  expect(await nested(withAux.gradient)).toEqual([2, 4, 6]);
  expect(await nested(withAux.aux.squares)).toEqual([1, 4, 9]);
  expect(withAux.aux.note).toBe('seen');
});

test('vjp carries weights of the value back to the point', async () => {
  const { value, pullback } = vjp(
    ({ a, b }: { a: Tensor; b: Tensor }) => ({ product: mul(a, b), rest: [sub(a, b)] }),
    { a: tensor([2, 3]), b: tensor([5, 7]) },
  );
  expect(await nested(value.product)).toEqual([10, 21]);
  const { a, b } = pullback({ product: tensor([1, 10]), rest: [tensor([100, 0])] });
  expect(await nested(a)).toEqual([105, 70]);
  expect(await nested(b)).toEqual([-98, 30]);
});

test('a pullback can be used more than once, and the function is called once', async () => {
  let calls = 0;
  const { pullback } = vjp(
    (t: Tensor) => {
      calls += 1;
      return tanh(t);
    },
    tensor([0, 0]),
  );
  expect(await nested(pullback(tensor([1, 2])))).toEqual([1, 2]);
  expect(await nested(pullback(tensor([3, 4])))).toEqual([3, 4]);
  expect(calls).toBe(1);
});

test('a pullback works after the value was computed', async () => {
  const { value, pullback } = vjp((t: Tensor) => exp(mul(t, 2)), tensor([0, 1]));
  await value.data();
  expect(await nested(pullback(tensor([1, 0])))).toEqual([2, 0]);
});

test('looking at numbers within a differentiated function does not change its derivative', async () => {
  const seen: Promise<ArrayLike<number>>[] = [];
  const slope = grad((t: Tensor) => {
    const squares = mul(t, t);
    seen.push(squares.data());
    realize(squares);
    return sum(squares);
  });
  expect(await nested(slope(x))).toEqual([2, 4, 6]);
  expect(await Promise.all(seen)).toEqual([new Float32Array([1, 4, 9])]);
});

test('the rows of a Jacobian come from one pullback', async () => {
  const { pullback } = vjp((t: Tensor) => div(t, sum(t)), tensor([1, 3]));
  expect(await nested(pullback(tensor([1, 0])))).toEqual([0.1875, -0.0625]);
  expect(await nested(pullback(tensor([0, 1])))).toEqual([-0.1875, 0.0625]);
});
