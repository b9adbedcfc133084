import { createNodeBackend } from '@lorikeet/onnx/node';
import {
  abs,
  add,
  argmax,
  argmin,
  argsort,
  ceil,
  clamp,
  createReferenceBackend,
  div,
  equal,
  erf,
  exp,
  expm1,
  floor,
  gelu,
  greater,
  isFinite as isFiniteOf,
  isNaN as isNaNOf,
  less,
  log,
  log1p,
  logSumExp,
  max,
  maximum,
  min,
  minimum,
  mod,
  mul,
  neg,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  softmax,
  sqrt,
  sum,
  type Tensor,
  tanh,
  tensor,
  topk,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { on } from './on.ts';

const onnx = createNodeBackend({ threads: 1, hostWork: 0 });
const reference = createReferenceBackend();

const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -2.5, 1e-30, 1e30];
const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));
const [left, right] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];

const one: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  abs,
  neg,
  sign,
  ceil,
  floor,
  round,
  sqrt,
  rsqrt,
  exp,
  expm1,
  log,
  log1p,
  tanh,
  erf,
  sigmoid,
  relu,
  gelu,
  isNaN: isNaNOf,
  isFinite: isFiniteOf,
  clamp: (x) => clamp(x, -1, 1),
};
const two: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  add,
  mul,
  div,
  mod,
  maximum,
  minimum,
  equal,
  greater,
  less,
};
/** Over rows of which some have NaN. */
const rows: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  max: (x) => max(x, 1),
  min: (x) => min(x, 1),
  sum: (x) => sum(x, 1),
  argmax: (x) => argmax(x, 1),
  argmin: (x) => argmin(x, 1),
  argsort: (x) => argsort(x, { axis: 1 }),
  'argsort from the largest': (x) => argsort(x, { axis: 1, descending: true }),
  'argsort of columns': (x) => argsort(x, { axis: 0 }),
  'places of the largest': (x) => topk(x, 3, { axis: 1 }).indices,
  'places of the smallest': (x) => topk(x, 3, { axis: 1, largest: false }).indices,
  logSumExp: (x) => logSumExp(x, 1),
  softmax: (x) => softmax(x, 1),
};

async function requireSameSpecials(call: () => Tensor): Promise<void> {
  const [got, expected] = [
    await on(onnx, async () => Array.from(await call().data())),
    await on(reference, async () => Array.from(await call().data())),
  ];
  expected.forEach((value, i) => {
    // The sign of a zero may differ; else NaN is NaN, infinity is infinity and a number is near.
    if (Number.isFinite(value)) expect(got[i], `place ${i}`).toBeCloseTo(value, 5);
    else expect(got[i], `place ${i}`).toBe(value);
  });
}

test.each(Object.entries(one))('%s', async (_, fn) => {
  await requireSameSpecials(() => fn(tensor(special)));
});

test.each(Object.entries(two))('%s of all pairs', async (_, fn) => {
  await requireSameSpecials(() => fn(tensor(left), tensor(right)));
});

test.each(Object.entries(rows))('%s of rows', async (_, fn) => {
  await requireSameSpecials(() =>
    fn(
      tensor([
        [1, Number.NaN, 3, 2],
        [Number.NaN, Number.NaN, Infinity, 1],
        [5, 1, -Infinity, Number.NaN],
        [2, 2, 1, 1],
        [0, -0, 0, -0],
        [-Infinity, 1, -Infinity, 2],
      ]),
    ),
  );
});
