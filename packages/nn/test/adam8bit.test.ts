import { adamw, adamw8bit, applyUpdates, paths } from '@lorikeet/nn';
import {
  compile,
  evaluate,
  exp,
  grad,
  mul,
  normal,
  randomKey,
  square,
  sub,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const options = { learningRate: 0.01, weightDecay: 0 };
const target = normal(randomKey(1), [64, 80]);
/** Curvatures over three powers of ten, so that moments differ as they do in a network. */
const curvature = exp(normal(randomKey(2), [64, 80]));

async function train(optimizer: ReturnType<typeof adamw>, steps: number) {
  const loss = ({ w, b }: { w: Tensor; b: Tensor }): Tensor =>
    sum(mul(curvature, square(sub(w, target)))).add(sum(square(sub(b, 1))));
  let parameters = await evaluate({ w: target.mul(0), b: normal(randomKey(3), [8]) });
  let state: unknown = optimizer.init(parameters);
  const first = await loss(parameters).item();
  const step = compile((own: typeof parameters, before: unknown) => {
    const update = optimizer.update(grad(loss)(own), before as readonly unknown[], own);
    return { parameters: applyUpdates(own, update.updates), state: update.state as unknown };
  });
  for (let i = 0; i < steps; i++) {
    const next = await evaluate(step(parameters, state));
    parameters = next.parameters;
    state = next.state;
  }
  return { first, last: await loss(parameters).item(), state, parameters };
}

test('learns as Adam in f32 does', async () => {
  const [own, other] = [await train(adamw8bit(options), 200), await train(adamw(options), 200)];
  expect(other.last).toBeLessThan(0.2 * other.first);
  expect(own.last).toBeLessThan(1.05 * other.last);
  // Moments of a thousandth of their block's largest have eight codes between two powers of ten: off by 6 to 50 percent.
  const [a, b] = [await numbersOf(own.parameters.w), await numbersOf(other.parameters.w)];
  const gap = Math.sqrt(a.reduce((total, x, i) => total + (x - (b[i] ?? 0)) ** 2, 0));
  expect(gap / Math.sqrt(b.reduce((total, x) => total + x * x, 0))).toBeLessThan(0.15);
});

test('keeps a byte for each moment, and small parameters as they are', async () => {
  const { state } = await train(adamw8bit(options), 1);
  const types = paths(state).map(([path, { dtype, size }]) => [path, dtype, size]);
  expect(types).toContainEqual(['0.first.w.codes', 'i8', 5120]);
  expect(types).toContainEqual(['0.roots.w.codes', 'u8', 5120]);
  expect(types).toContainEqual(['0.roots.w.scales', 'f32', 20]);
  expect(types).toContainEqual(['0.first.b', 'f32', 8]);
});

test('refuses the state of other parameters', () => {
  const optimizer = adamw8bit(options);
  const state = optimizer.init({ a: normal(randomKey(0), [2]) });
  const other = { b: normal(randomKey(0), [2]) };
  expect(() => optimizer.update(other, state, other)).toThrow('other parameters');
});

async function numbersOf(x: Tensor): Promise<number[]> {
  return Array.from(await x.data(), Number);
}
