import { AdapterUpdate, denseOf, type LowRank, rankOf, route, svdOf } from '@lorikeet/peft-lora';
import {
  compile,
  concat,
  matmul,
  normal,
  randomKey,
  slice,
  svd,
  type Tensor,
  valueTypes,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { expectClose, numbers, refusal } from '../support.ts';
import { noisePair, sumOfSquares } from './pairs.ts';

const update = (pair: LowRank): AdapterUpdate => new AdapterUpdate({ place: pair });
const only = ({ pairs }: AdapterUpdate): LowRank => pairs.place ?? noisePair(0);
const [a, b, c] = [noisePair(1), noisePair(2, 7, 9, 2, -1.5), noisePair(3, 7, 9, 1)];

test('0.7 a + b - c is the sum of the dense updates, and its rank the sum of the ranks', async () => {
  const mixed = update(a).times(0.7).plus(update(b)).minus(update(c));
  const dense = denseOf(a).mul(0.7).add(denseOf(b)).sub(denseOf(c));
  await expectClose(denseOf(only(mixed)), dense, 1e-13);
  expect(rankOf(only(mixed))).toBe(6);
});

test('an update minus itself is nothing', async () => {
  const nothing = update(a).minus(update(a));
  await expectClose(denseOf(only(nothing)), denseOf(a).mul(0), 1e-13);
  const { s } = svdOf(only(nothing.compress(2)));
  expect(Math.max(...(await numbers(s)))).toBeLessThan(1e-13);
});

test('the decomposition of the core is that of the dense update', async () => {
  const { u, s, v } = svdOf(a);
  const dense = svd(denseOf(a));
  await expectClose(s, slice(dense.s, [0], [3]), 1e-13);
  await expectClose(matmul(u.mul(s), v.permute([1, 0])), denseOf(a), 1e-13);
  await expectClose(matmul(u.permute([1, 0]), u), matmul(v.permute([1, 0]), v), 1e-13);
});

test('compressing loses just the energy of the singular values that go', async () => {
  const sum = update(a).plus(update(b)).compress(3);
  const dense = denseOf(a).add(denseOf(b));
  const lost = await sumOfSquares(denseOf(only(sum)).sub(dense));
  const values = await numbers(svd(dense).s);
  const expected = values.slice(3).reduce((total, value) => total + value * value, 0);
  expect(expected).toBeGreaterThan(0.1);
  expect(Math.abs(lost - expected)).toBeLessThan(1e-12 * expected + 1e-12);
  expect(rankOf(only(sum))).toBe(3);
});

test('a rank that suffices loses nothing', async () => {
  const tall = noisePair(4, 2, 9, 5);
  await expectClose(denseOf(only(update(tall).compress(4))), denseOf(tall), 1e-13);
  expect(rankOf(only(update(tall).compress(4)))).toBe(2);
});

test('an orthogonal form is the same update', async () => {
  const { left, right, scale } = only(update(a).orthogonalise());
  await expectClose(denseOf({ left, right, scale }), denseOf(a), 1e-13);
  const rows = await numbers(matmul(right, right.permute([1, 0])));
  expect(rows.every((value, i) => Math.abs(value - (i % 4 === 0 ? 1 : 0)) < 1e-12)).toBe(true);
  const columns = await numbers(matmul(left.permute([1, 0]), left));
  expect(columns.every((value, i) => i % 4 === 0 || Math.abs(value) < 1e-12)).toBe(true);
  expect(columns[0]).toBeGreaterThan(columns[4] ?? 0);
});

test('apart from another, an update neither reads nor writes where that one does', async () => {
  const apart = denseOf(only(update(a).apartFrom(update(b))));
  await expectClose(
    matmul(denseOf(b).permute([1, 0]), apart),
    matmul(apart.permute([1, 0]), apart).mul(0),
    1e-12,
  );
  await expectClose(
    matmul(apart, denseOf(b).permute([1, 0])),
    matmul(apart, apart.permute([1, 0])).mul(0),
    1e-12,
  );
  expect(await sumOfSquares(apart)).toBeGreaterThan(0.1);
  const itself = denseOf(only(update(a).apartFrom(update(a).plus(update(b)))));
  expect(await sumOfSquares(itself)).toBeLessThan(1e-20);
});

test('gates route each row through its own mixture', async () => {
  const x = normal(randomKey(8), [4, 9]).cast('f64');
  const gates = normal(randomKey(9), [4, 3]).cast('f64');
  const each = [a, b, c].map((pair) => matmul(x, denseOf(pair).permute([1, 0])));
  const expected = each
    .map((y, i) => y.mul(slice(gates, [0, i], [4, 1])))
    .reduce((sum, y) => sum.add(y));
  await expectClose(route(x, [a, b, c], gates), expected, 1e-13);
});

test('nothing of the size of the weight is computed', () => {
  const [big, other] = [noisePair(5, 60, 70, 2), noisePair(6, 60, 70, 3)];
  const compute = compile((one: LowRank, two: LowRank, x: Tensor) => {
    const mixed = update(one).times(0.3).minus(update(two)).apartFrom(update(one)).compress(2);
    const { left, right } = only(mixed);
    return {
      left,
      right,
      y: route(x, [one, two], concat([slice(x, [0, 0], [3, 1]), slice(x, [0, 1], [3, 1])], 1)),
    };
  });
  const program = compute.program(big, other, normal(randomKey(1), [3, 70]).cast('f64'));
  const largest = Math.max(
    ...valueTypes(program).map(({ shape }) => shape.reduce((n, side) => n * side, 1)),
  );
  expect(largest).toBeLessThanOrEqual(70 * 6);
});

test('what cannot be added up is refused', () => {
  expect(() => update(a).plus(update(noisePair(1, 8)))).toThrow(
    refusal('shape-mismatch', 'at:       place'),
  );
  expect(() => update(a).compress(0)).toThrow(refusal('invalid-argument', '0 is no rank'));
});
