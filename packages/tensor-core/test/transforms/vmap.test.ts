import {
  add,
  checkpoint,
  compile,
  crossEntropy,
  customVjp,
  exp,
  gather,
  grad,
  layerNorm,
  matmul,
  mul,
  relu,
  sin,
  softmax,
  sum,
  type Tensor,
  tensor,
  vmap,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

const rows = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

test('a function of one row is called on all rows', async () => {
  const dotProduct = vmap((a: Tensor, b: Tensor) => sum(mul(a, b)));
  expect(await nested(dotProduct(rows, rows))).toEqual([14, 77]);
});

test('what all calls share has no batch axis', async () => {
  const affine = vmap((x: Tensor, w: Tensor) => matmul(w, x), { inAxes: [0, null] });
  const w = tensor([
    [1, 0, 0],
    [0, 1, 1],
  ]);
  expect(await nested(affine(rows, w))).toEqual([
    [1, 5],
    [4, 11],
  ]);
});

test('the batch may be another axis, and results that do not depend on it are repeated', async () => {
  const columns = vmap((x: Tensor) => ({ sum: sum(x), seven: tensor(7) }), { inAxes: [-1] });
  const { sum: sums, seven } = columns(rows);
  expect(await nested(sums)).toEqual([5, 7, 9]);
  expect(await nested(seven)).toEqual([7, 7, 7]);
});

test('arguments are trees', async () => {
  const scaled = vmap(({ x, parts }: { x: Tensor; parts: readonly Tensor[] }) =>
    parts.map((part) => mul(part, x)),
  );
  const [first] = scaled({ x: tensor([10, 100]), parts: [rows] });
  expect(await nested(first as Tensor)).toEqual([
    [10, 20, 30],
    [400, 500, 600],
  ]);
});

test('gradients for each example of a batch', async () => {
  const loss = (w: Tensor, x: Tensor): Tensor => sum(sin(mul(w, x)));
  const perExample = vmap(grad(loss), { inAxes: [null, 0] });
  const w = tensor([0.1, 0.2, 0.3]);
  const slopeOf = (x: number, i: number): number => x * Math.cos((x * (i + 1)) / 10);
  const expected = [[1, 2, 3].map(slopeOf), [4, 5, 6].map(slopeOf)];
  expect(await nested(perExample(w, rows))).toEqual(near(expected));
});

test('the gradient of a mapped function sums over the batch for what is shared', async () => {
  const norm = (x: Tensor, w: Tensor, b: Tensor): Tensor => layerNorm(x, w, b, 1e-5);
  const whole = grad((w: Tensor) =>
    sum(exp(vmap(norm, { inAxes: [0, null, null] })(rows, w, tensor([0, 0, 0])))),
  );
  const expected = grad((w: Tensor) => sum(exp(norm(rows, w, tensor([0, 0, 0])))));
  const w = tensor([0.5, -1, 2]);
  expect(await nested(whole(w))).toEqual(near((await nested(expected(w))) as number[]));
});

test('mapping twice adds two axes', async () => {
  const outer = vmap((a: Tensor) => vmap((b: Tensor) => mul(a, b))(tensor([1, 10, 100])));
  expect(await nested(outer(tensor([2, 3])))).toEqual([
    [2, 20, 200],
    [3, 30, 300],
  ]);
});

test('within a compiled function', async () => {
  const compiled = compile(vmap((x: Tensor) => softmax(x)));
  expect(await nested(compiled(rows))).toEqual(near((await nested(softmax(rows))) as number[][]));
});

test('a derivative of its own goes along', async () => {
  const clipped = customVjp(
    (x: Tensor) => mul(x, 2),
    ({ args: [x], cotangent }) => [mul(cotangent, relu(x))],
  );
  const slope = grad((x: Tensor) => sum(vmap(clipped)(x)));
  expect(await nested(slope(tensor([-1, 3])))).toEqual([0, 3]);
  const perRow = vmap(grad((x: Tensor) => sum(clipped(x))));
  expect(await nested(perRow(tensor([[-1], [3]])))).toEqual([[0], [3]]);
});

test('a checkpoint goes along, with what it closes over', async () => {
  const slope = grad((w: Tensor) => {
    const layer = checkpoint((x: Tensor) => sin(mul(x, w)));
    return sum(vmap(layer)(rows));
  });
  const plain = grad((w: Tensor) => sum(sin(mul(rows, w))));
  const w = tensor([0.1, 0.2, 0.3]);
  expect(await nested(slope(w))).toEqual(near((await nested(plain(w))) as number[]));
});

test('rows of a table for each of a batch, table and indices alone and both', async () => {
  const indices = tensor([[2], [0]], undefined, 'i32');
  const take = (x: Tensor, i: Tensor): Tensor => gather(x, i);
  expect(await nested(vmap(take)(rows, indices))).toEqual([[3], [4]]);
  expect(await nested(vmap(take, { inAxes: [null, 0] })(rows, tensor([1, 0], [2], 'i32')))).toEqual(
    [
      [4, 5, 6],
      [1, 2, 3],
    ],
  );
});

test('a loss without a rule of its own, and its derivative', async () => {
  const labels = tensor([0, 2], [2], 'i32');
  const loss = (logits: Tensor, label: Tensor): Tensor => crossEntropy(logits, label);
  const losses = await nested(vmap(loss)(rows, labels));
  expect(losses).toEqual(near([2.4076059644443806, 0.4076059644443803]));
  const slopes = await nested(vmap(grad(loss))(rows, labels));
  expect(slopes).toEqual(
    near([
      [0.09003057317038046 - 1, 0.24472847105479767, 0.6652409557748219],
      [0.09003057317038046, 0.24472847105479767, 0.6652409557748219 - 1],
    ]),
  );
});

test('an empty batch has results of the right shape', async () => {
  expect(vmap((x: Tensor) => softmax(x))(tensor([], [0, 3])).shape).toEqual([0, 3]);
});

test('batches of unequal length are refused', () => {
  expect(() =>
    vmap((a: Tensor, b: Tensor) => add(a, b))(tensor([1, 2]), tensor([1, 2, 3])),
  ).toThrow(
    /vmap: the batches differ in length[\s\S]*expected: 2, as of f32\[2\][\s\S]*received: 3, of f32\[3\]/,
  );
});

test('a call without a batch is refused', () => {
  expect(() => vmap((x: number) => x)(1)).toThrow(/vmap: no argument has a batch/);
});
