import {
  allFinite,
  cast,
  compile,
  dynamicLossScaling,
  log,
  mul,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  valueAndScaledGrad,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

/** A loss computed in f16 of which the derivative by its input is 1e-8: too small for f16. */
const tiny = (x: Tensor): Tensor => {
  const half = cast(x, 'f16');
  return sum(cast(mul(mul(half, 1e-4), 1e-4), 'f32'));
};
const x = tensor([1, 2]);

test('a derivative that vanishes in f16 is there with a scale', async () => {
  const plain = valueAndGrad(tiny)(x).gradient;
  expect(await nested(plain)).toEqual([0, 0]);
  const { gradient, finite } = valueAndScaledGrad(tiny)(tensor(2 ** 15), x);
  for (const value of await gradient.data()) expect(value / 1e-8).toBeCloseTo(1, 2);
  expect(await finite.item()).toBe(1);
});

test('value and derivative are those without a scale', async () => {
  const loss = ({ a, b }: { a: Tensor; b: Tensor }, c: Tensor): Tensor => sum(mul(mul(a, b), c));
  const tree = { a: x, b: tensor([3, 4]) };
  const c = tensor([5, 6]);
  const { value, gradient } = valueAndScaledGrad(loss)(tensor(8), tree, c);
  expect(await value.item()).toBe(63);
  expect(await nested(gradient.a)).toEqual([15, 24]);
  expect(await nested(gradient.b)).toEqual([5, 12]);
});

test('a scale that is too large is told', async () => {
  const { finite } = valueAndScaledGrad((t: Tensor) => sum(cast(mul(cast(t, 'f16'), 100), 'f32')))(
    tensor(2 ** 15),
    x,
  );
  expect(await finite.item()).toBe(0);
});

test('the scale grows after finite steps in a row and shrinks at the first other', async () => {
  const scaling = dynamicLossScaling({ initial: 8, interval: 2, most: 16, least: 4 });
  const update = compile(scaling.update);
  const [yes, no] = [tensor(1, [], 'bool'), tensor(0, [], 'bool')];
  let state = scaling.init();
  const scales: number[] = [];
  for (const finite of [yes, yes, yes, yes, yes, no, no, no, yes, no, yes, yes]) {
    state = update(state, finite);
    scales.push(await state.scale.item());
  }
  expect(scales).toEqual([8, 16, 16, 16, 16, 8, 4, 4, 4, 4, 4, 8]);
});

test('all of a tree is finite, or not; integers do not count', async () => {
  const good = { a: x, n: tensor([1], undefined, 'i32'), list: [tensor([])] };
  expect(await allFinite(good).item()).toBe(1);
  expect(await allFinite({ ...good, b: log(tensor([0])) }).item()).toBe(0);
  expect(await allFinite([tensor([1, Number.NaN])]).item()).toBe(0);
  expect(await allFinite({}).item()).toBe(1);
  expect(await nested(log(x))).toEqual(near([0, Math.LN2]));
});

test('options that do not fit are refused', () => {
  expect(() => dynamicLossScaling({ initial: 0 })).toThrow(/0 < least <= initial/);
  expect(() => dynamicLossScaling({ factor: 1 })).toThrow(/dynamicLossScaling/);
});
