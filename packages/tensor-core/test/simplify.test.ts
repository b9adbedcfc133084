import * as t from '@lorikeet/tensor-core';
import {
  compile,
  type Primitive,
  record,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const grid = zeros([2, 3]);

/** Names of the ops in the program of `fn`. */
function opsOf(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): string[] {
  return compile(fn)
    .program(...inputs)
    .instructions.map(({ op }) => op.name);
}

/** Calls that change nothing, and calls of the same ops that do. */
const calls: readonly [op: Primitive, nothing: object, something: object][] = [
  [t.broadcastToOp, { shape: [2, 3] }, { shape: [4, 2, 3] }],
  [t.castOp, { dtype: 'f32' }, { dtype: 'f16' }],
  [t.concatOp, { axis: 0 }, { axis: 0 }],
  [t.maxOp, { axes: [], keepAxes: false }, { axes: [1], keepAxes: true }],
  [t.minOp, { axes: [], keepAxes: true }, { axes: [0], keepAxes: true }],
  [
    t.padOp,
    { low: [0, 0], high: [0, 0], interior: [0, 0] },
    { low: [0, 1], high: [0, 0], interior: [0, 0] },
  ],
  [t.permuteOp, { axes: [0, 1] }, { axes: [1, 0] }],
  [t.prodOp, { axes: [], keepAxes: false }, { axes: [1], keepAxes: true }],
  [t.reshapeOp, { shape: [2, 3] }, { shape: [3, 2] }],
  [
    t.sliceOp,
    { starts: [0, 0], sizes: [2, 3], steps: [1, 1] },
    { starts: [0, 0], sizes: [1, 3], steps: [1, 1] },
  ],
  [t.sumOp, { axes: [], keepAxes: false }, { axes: [1], keepAxes: true }],
].map(([op, ...attributes]) => [op as Primitive, ...(attributes as [object, object])]);

describe('a call that changes nothing is left out of the program, and no other:', () => {
  test.each(calls.map(([op, ...rest]) => [op.name, op, ...rest] as const))(
    '%s',
    (name, op, nothing, something) => {
      expect(opsOf((x) => record(op, [x], nothing as t.Attributes), grid)).toEqual([]);
      if (name === 'concat') expect(opsOf((x) => t.concat([x, x]), grid)).toEqual(['concat']);
      else expect(opsOf((x) => record(op, [x], something as t.Attributes), grid)).toEqual([name]);
    },
  );
});

test.each([t.sum, t.max, t.min, t.prod])(
  'a reduction over sides of 1 that stay is left out, one that drops them is not (%#)',
  (reduce) => {
    const column = zeros([2, 1]);
    expect(opsOf((x) => reduce(x, 1, { keepAxes: true }), column)).toEqual([]);
    expect(opsOf((x) => reduce(x, 1), column)).toHaveLength(1);
    expect(opsOf((x) => reduce(x, [0, 1], { keepAxes: true }), column)).toHaveLength(1);
  },
);

describe('arithmetic with a literal that changes nothing is left out:', () => {
  test.each([
    ['x + 0', (x: Tensor) => x.add(0), 0],
    ['0 + x', (x: Tensor) => t.add(0, x), 0],
    ['x - 0', (x: Tensor) => x.sub(0), 0],
    ['x * 1', (x: Tensor) => x.mul(1), 0],
    ['1 * x', (x: Tensor) => t.mul(1, x), 0],
    ['x / 1', (x: Tensor) => x.div(1), 0],
    ['x ** 1', (x: Tensor) => x.pow(1), 0],
    ['0 - x', (x: Tensor) => t.sub(0, x), 2],
    ['1 / x', (x: Tensor) => t.div(1, x), 2],
    ['x + 1', (x: Tensor) => x.add(1), 2],
    ['x * 0', (x: Tensor) => x.mul(0), 2],
    ['x ** 0', (x: Tensor) => x.pow(0), 2],
    ['a literal that broadcasts x', (x: Tensor) => x.add(zeros([4, 2, 3])), 2],
  ] as const)('%s', (_, fn, instructions) => {
    expect(opsOf(fn, grid)).toHaveLength(instructions);
  });
});

test('literals are folded through what rearranges them', () => {
  const value = compile((x: Tensor) =>
    x.add(
      t.slice(
        t.permute(t.broadcastTo(t.reshape(tensor(2).mul(3), [1]), [3, 2]), [1, 0]),
        [0, 0],
        [2, 1],
      ),
    ),
  );
  expect(value.program(grid).instructions.length).toBeGreaterThan(2);
  const literal = opsOf(
    (x) =>
      x.add(
        t.slice(
          t.permute(t.broadcastTo(t.reshape(t.full([], 6), [1]), [3, 2]), [1, 0]),
          [0, 0],
          [2, 1],
        ),
      ),
    grid,
  );
  expect(literal).toEqual(['full', 'add']);
});

describe('mapped over a batch it is one call:', () => {
  const ids = tensor(
    [
      [0, 1],
      [1, 1],
    ],
    undefined,
    'i32',
  );
  const rows = zeros([2, 4, 3]);

  test('gather from one table, or by one list of indices', () => {
    const table = vmap((x: Tensor, i: Tensor) => t.gather(x, i), { inAxes: [null, 0] });
    expect(opsOf(table, grid, ids)).toEqual(['gather']);
    const list = vmap((x: Tensor, i: Tensor) => t.gather(x, i), { inAxes: [0, null] });
    expect(opsOf(list, rows, tensor([0], [1], 'i32'))).toEqual(['gather']);
  });

  test('scatterAdd by one list of indices', () => {
    const add = vmap((x: Tensor, i: Tensor, u: Tensor) => t.scatterAdd(x, i, u), {
      inAxes: [0, null, 0],
    });
    expect(opsOf(add, rows, tensor([0], [1], 'i32'), zeros([2, 1, 3]))).toEqual(['scatterAdd']);
  });

  test('scatter, dynamicSlice and dynamicUpdateSlice at places that all calls share', () => {
    const one = tensor([0], [1], 'i32');
    const starts = tensor([0, 0], [2], 'i32');
    const put = vmap((x: Tensor, u: Tensor) => t.scatter(x, one, u));
    expect(opsOf(put, rows, zeros([2, 1, 3]))).toEqual(['scatter']);
    const cut = vmap((x: Tensor) => t.dynamicSlice(x, starts, [1, 2]));
    expect(opsOf(cut, rows).filter((name) => name === 'dynamicSlice')).toHaveLength(1);
    const set = vmap((x: Tensor, u: Tensor) => t.dynamicUpdateSlice(x, u, starts));
    expect(
      opsOf(set, rows, zeros([2, 1, 2])).filter((name) => name === 'dynamicUpdateSlice'),
    ).toHaveLength(1);
  });

  test('reductions, movements, products', () => {
    for (const fn of [
      (x: Tensor) => t.sum(x, 0),
      (x: Tensor) => t.max(x, 0),
      (x: Tensor) => t.cumsum(x, 0),
      (x: Tensor) => t.flip(x, 0),
      (x: Tensor) => t.permute(x, [1, 0]),
      (x: Tensor) => t.slice(x, [0, 0], [1, 1]),
      (x: Tensor) => t.pad(x, { low: [1, 0] }),
      (x: Tensor) => t.concat([x, x], 1),
      (x: Tensor) => t.dot(x, x, { contract: [[0], [0]] }),
      (x: Tensor) => t.argsort(x, { axis: 0 }),
      (x: Tensor) => t.softmax(x),
      (x: Tensor) => t.svd(x).s,
    ])
      expect(opsOf(vmap(fn), rows).length).toBeLessThan(8);
  });
});
