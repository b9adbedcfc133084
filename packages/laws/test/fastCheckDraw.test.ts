import { fastCheckDraw, law, noise, numericalDerivative, requireDerivative } from '@lorikeet/laws';
import { broadcastShapes, type Draw } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';

function forAll(holds: (draw: Draw) => void): void {
  fc.assert(fc.property(fc.gen(), (gen) => holds(fastCheckDraw(gen))));
}

test('shapes are small and keep their bounds', () => {
  forAll((draw) => {
    const free = draw.shape();
    expect(free.length).toBeLessThanOrEqual(3);
    expect(free.every((side) => side >= 0 && side <= 4)).toBe(true);
    const bound = draw.shape({ minRank: 2, maxRank: 4, minSide: 3, maxSide: 5 });
    expect(bound.length >= 2 && bound.length <= 4).toBe(true);
    expect(bound.every((side) => side >= 3 && side <= 5)).toBe(true);
  });
});

test('empty, scalar and larger shapes are all drawn', () => {
  const shapes = fc.sample(fc.gen(), 200).map((gen) => fastCheckDraw(gen).shape());
  expect(shapes.some((shape) => shape.length === 0)).toBe(true);
  expect(shapes.some((shape) => shape.includes(0))).toBe(true);
  expect(shapes.some((shape) => shape.length === 3 && !shape.includes(0))).toBe(true);
});

test('a broadcastable shape broadcasts to the other and leaves it as it is', () => {
  forAll((draw) => {
    const shape = draw.shape();
    expect(broadcastShapes('test', draw.broadcastable(shape), shape)).toEqual(shape);
  });
});

test('a permutation has each number once', () => {
  forAll((draw) => {
    const length = draw.integer(0, 5);
    expect(draw.permutation(length).sort()).toEqual(Array.from({ length }, (_, i) => i));
  });
});

test('a choice is one of the options', () => {
  forAll((draw) => {
    expect(['a', 'b', 'c']).toContain(draw.pick(['a', 'b', 'c']));
  });
});

test('a failing case shrinks to the simplest shape', () => {
  const details = fc.check(
    fc.property(
      fc.gen().map((gen) => fastCheckDraw(gen).shape()),
      (shape) => shape.length < 2,
    ),
    { seed: 3 },
  );
  expect(details.counterexample).toEqual([[1, 1]]);
});

test('noise is the same for the same seed and never small', () => {
  expect(noise(5, 3)).toEqual(noise(5, 3));
  expect(noise(5, 3)).not.toEqual(noise(6, 3));
  expect(noise(1, 1000).every((x) => Math.abs(x) >= 0.5 && Math.abs(x) <= 1.5)).toBe(true);
});

test('the numerical derivative has ten digits, also of a function that is steep', async () => {
  const at = async (fn: (t: number) => number): Promise<number> =>
    (await numericalDerivative(async (t) => fn(t))).value;
  expect(await at(Math.exp)).toBeCloseTo(1, 10);
  expect(await at((t) => Math.tanh(200 * t) / 200)).toBeCloseTo(1, 9);
  expect(await at(() => 3)).toBe(0);
});

test('a wrong derivative is found, and a function too steep for differences says nothing of it', async () => {
  const check = (fn: (t: number) => number, slope: number): Promise<void> =>
    law('has this slope', fc.constant(0), () =>
      requireDerivative('slope', slope, async (t) => fn(t), 1e-6),
    ).check();
  await check(Math.exp, 1);
  await expect(check(Math.exp, 1.00001)).rejects.toThrow('slope: element 0 is 1.00001');
  await expect(check(() => Number.NaN, 1)).rejects.toThrow('instead of NaN');
  await expect(check((t) => Math.tanh(1e7 * t), 1e7)).rejects.toThrow('do not fit the law');
});
