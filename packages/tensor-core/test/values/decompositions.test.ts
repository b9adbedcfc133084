import * as t from '@lorikeet/tensor-core';
import { matmul, mul, sub, swapAxes, type Tensor } from '@lorikeet/tensor-core';
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  bidiagonalOf,
  diagonalOf,
  kahan,
  matrixOf,
  noise,
  spread,
  wilkinson,
  withEigenvalues,
  withSingularValues,
} from './hardMatrices.ts';

const largest = async (x: Tensor): Promise<number> => t.max(t.abs(x)).item();
const fromIdentity = (x: Tensor): Promise<number> =>
  largest(sub(matmul(swapAxes(x), x), t.eye(x.shape.at(-1) ?? 0, undefined, { dtype: 'f64' })));
const rounding = 50 * Number.EPSILON;
const inLibrary = async (x: Tensor): Promise<Matrix> =>
  Matrix.from1DArray(x.shape[0] ?? 0, x.shape[1] ?? 0, Array.from(await x.data()));

/** The Laplacian of a path with weights. */
const path = (side: number): Tensor => {
  const weight = (i: number): number => (i < 0 || i + 1 >= side ? 0 : 2.5 + Math.cos(i * i));
  return matrixOf(side, side, (i, j) =>
    i === j ? weight(i - 1) + weight(i) : Math.abs(i - j) === 1 ? -weight(Math.min(i, j)) : 0,
  );
};
const clusters = (i: number): number => 1 + Math.floor(i / 25) + (i % 25) * 1e-15;
const fall = (i: number): number => 10 ** ((-12 * i) / 79);

describe.each<[name: string, make: () => Tensor]>([
  ['one number', () => noise([1, 1])],
  ['a row', () => noise([1, 50])],
  ['a column', () => noise([50, 1])],
  ['two by two', () => noise([2, 2])],
  ['a small one', () => noise([9, 7])],
  ['noise', () => noise([80, 80])],
  ['a tall one', () => noise([90, 40])],
  ['a wide one', () => noise([33, 300])],
  ['rank 5', () => matmul(noise([70, 5]), noise([5, 60], 2))],
  ['zeros', () => t.zeros([40, 30], 'f64')],
  ['ones', () => t.ones([60, 60], 'f64')],
  ['the identity', () => diagonalOf(50, () => 1)],
  ['a diagonal one out of order', () => diagonalOf(60, (i) => (i % 5) - 2)],
  ['an orthogonal one', () => withSingularValues(spread(70, () => 1))],
  ['clusters', () => withSingularValues(spread(75, clusters))],
  ['one of condition 1e12', () => withSingularValues(spread(80, fall))],
  ['one value next to 0', () => withSingularValues(spread(60, (i) => (i < 59 ? 1 : 1e-15)))],
  ['rows that fall', () => matrixOf(40, 40, (i, j) => Math.cos(i * j + i) * 1e-3 ** i)],
  ['columns that grow', () => matrixOf(40, 40, (i, j) => Math.cos(i * j + i) * 1e3 ** j)],
  [
    'numbers below the squares of floats',
    () => mul(noise([30, 30]), 1e-170).add(diagonalOf(30, () => 1)),
  ],
  ['Kahan', () => kahan(90)],
  ['Wilkinson', () => wilkinson(101)],
  [
    'a bidiagonal one',
    () =>
      bidiagonalOf(
        spread(50, () => 2),
        spread(50, () => 1),
      ),
  ],
  [
    'a bidiagonal one of zeros and ones',
    () =>
      bidiagonalOf(
        spread(60, (i) => +(i % 7 > 1)),
        spread(60, (i) => +(i % 3 > 0)),
      ),
  ],
  [
    'a small bidiagonal one with values next to 0',
    () =>
      bidiagonalOf(
        [1, 5.02043345477432e-17, 1, 9.578314141836018e-17, 1, 1, 1, 1],
        spread(8, () => 1),
      ),
  ],
])('the singular values of %s', (_, make) => {
  test('are ordered, and with orthonormal vectors the matrix again, to rounding', async () => {
    const x = make();
    const { u, s, v } = t.svd(x);
    const values = Array.from(await s.data());
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(await fromIdentity(u)).toBeLessThan(rounding);
    expect(await fromIdentity(v)).toBeLessThan(rounding);
    const again = matmul(mul(u, t.expandDims(s, -2)), swapAxes(v));
    expect(await largest(sub(again, x))).toBeLessThanOrEqual(rounding * (values[0] ?? 0));
  });

  test('are those of another implementation', async () => {
    const x = make();
    const found = await t.singularValues(x).data();
    const { diagonal } = new SingularValueDecomposition(await inLibrary(x), {
      autoTranspose: true,
    });
    for (const [i, value] of diagonal.entries())
      expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(
        4 * rounding * (diagonal[0] ?? 0),
      );
  });
});

test('small singular values have an error of the rounding of the largest', async () => {
  const values = spread(80, fall);
  const found = await t.singularValues(withSingularValues(values)).data();
  for (const [i, value] of values.entries())
    expect(Math.abs((found[i] as number) - value)).toBeLessThan(rounding);
});

test.each([2 ** -1000, 2 ** 1000])('a factor of %d is one of the values alone', async (factor) => {
  const x = noise([40, 60]);
  const [plain, scaled] = [t.svd(x), t.svd(mul(x, factor))];
  expect(await scaled.s.data()).toEqual(await mul(plain.s, factor).data());
  expect(await scaled.u.data()).toEqual(await plain.u.data());
  const square = matmul(x, swapAxes(x));
  const [values, again] = [t.eigvalsh(square), t.eigvalsh(mul(square, factor))];
  expect(await again.data()).toEqual(await mul(values, factor).data());
  const [r, scaledR] = [t.qr(swapAxes(x)).r, t.qr(swapAxes(mul(x, factor))).r];
  expect(await scaledR.data()).toEqual(await mul(r, factor).data());
});

test('a matrix without rows or columns has no singular values', async () => {
  for (const shape of [
    [0, 3],
    [3, 0],
    [0, 0],
  ]) {
    const { u, s, v } = t.svd(t.zeros(shape, 'f64'));
    expect([u.shape, s.shape, v.shape]).toEqual([[shape[0], 0], [0], [shape[1], 0]]);
    expect((await s.data()).length).toBe(0);
  }
  expect(t.eigh(t.zeros([0, 0], 'f64')).values.shape).toEqual([0]);
});

test('of zeros singular values and eigenvalues are zeros, to the bit', async () => {
  const x = t.zeros([40, 40], 'f64');
  expect(await t.singularValues(x).data()).toEqual(new Float64Array(40));
  expect(await t.eigvalsh(x).data()).toEqual(new Float64Array(40));
});

describe.each<[name: string, make: () => Tensor]>([
  ['one number', () => matrixOf(1, 1, () => -3)],
  ['a small one', () => withEigenvalues([-3, 0, 1, 1, 2])],
  ['noise', () => withEigenvalues(spread(80, (i) => Math.cos(i * i)))],
  ['zeros', () => t.zeros([40, 40], 'f64')],
  ['less than the identity', () => diagonalOf(40, () => -1)],
  ['a diagonal one out of order', () => diagonalOf(60, (i) => (i % 5) - 2)],
  ['opposite values', () => withEigenvalues(spread(70, (i) => (i % 2 === 0 ? 1 : -1)))],
  ['clusters', () => withEigenvalues(spread(75, (i) => clusters(i) - 2))],
  ['one of condition 1e12', () => withEigenvalues(spread(80, fall))],
  ['one of low rank', () => matmul(noise([60, 5]), swapAxes(noise([60, 5])))],
  ['Wilkinson', () => wilkinson(101)],
  ['a path, of which the least is at the bound that rows tell', () => path(50)],
])('the eigenvalues of %s', (_, make) => {
  test('are ordered, and with orthonormal vectors the matrix again, to rounding', async () => {
    const x = make();
    const { values, vectors } = t.eigh(x);
    const found = Array.from(await values.data());
    const scale = Math.max(...found.map(Math.abs));
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(await fromIdentity(vectors)).toBeLessThan(rounding);
    const again = matmul(mul(vectors, t.expandDims(values, -2)), swapAxes(vectors));
    expect(await largest(sub(again, x))).toBeLessThanOrEqual(rounding * scale);
    const { realEigenvalues } = new EigenvalueDecomposition(await inLibrary(x), {
      assumeSymmetric: true,
    });
    for (const [i, value] of realEigenvalues.entries())
      expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(4 * rounding * scale);
  });
});

test.each<[name: string, make: () => Tensor]>([
  ['noise', () => noise([100, 70])],
  ['a square one', () => noise([65, 65])],
  ['a small one', () => noise([9, 5])],
  ['zeros', () => t.zeros([40, 33], 'f64')],
  ['rank 5', () => matmul(noise([70, 5]), noise([5, 60], 2))],
  ['columns that fall', () => matrixOf(50, 40, (i, j) => Math.cos(i * j + i) * 1e-3 ** j)],
])('the qr of %s is its product, with orthonormal columns', async (_, make) => {
  const x = make();
  const { q, r } = t.qr(x);
  expect(await fromIdentity(q)).toBeLessThan(rounding);
  expect(await largest(sub(matmul(q, r), x))).toBeLessThanOrEqual(rounding * (await largest(x)));
  expect(await largest(t.tril(r, -1))).toBe(0);
});

test('qr leaves alone what is triangular, as LAPACK does', async () => {
  for (const side of [4, 40]) {
    const x = matrixOf(side, side, (i, j) => (i > j ? 0 : 1 + i - j));
    const { q, r } = t.qr(x);
    expect(await q.data()).toEqual(await t.eye(side, side, { dtype: 'f64' }).data());
    expect(await r.data()).toEqual(await x.data());
  }
});

test.each([
  [60, 90],
  [90, 60],
  [60, 60],
])('the first 5 of %j x %j are those of all', async (rows, columns) => {
  const x = noise([rows, columns]);
  const [some, all] = [t.leadingSvd(x, 5), t.svd(x)];
  for (const part of ['u', 's', 'v'] as const)
    expect(await largest(sub(some[part], t.sliceAxis(all[part], -1, 0, 5))), part).toBeLessThan(
      1e-12,
    );
});
