import * as core from '@lorikeet/tensor-core';
import { add, type Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { textsOf } from './texts.ts';

const two = tensor([1, 2]);
const grid = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

test('what can only be found when it runs', async () => {
  expect(
    await textsOf([
      () => core.gather(grid, tensor([2], undefined, 'i32')).data(),
      () => grid.item(),
      () => {
        const scope = core.memoryScope();
        const lost = core.exp(two);
        core.realize(lost);
        scope[Symbol.dispose]();
        return lost.data();
      },
    ]),
  ).toMatchInlineSnapshot(`
    "[index-out-of-range] gather: index 2 is outside an axis of length 2
      expected: 0 to 1
      received: 2
      hint:     token ids must be below the vocabulary size, positions below the longest sequence of the model
    [not-a-scalar] item: the tensor has not one element
      expected: a tensor of size 1
      received: f32[2,3]
    [tensor-freed] a tensor f32[2] is used after it was freed
      hint:     it was donated to a compiled function or left its memoryScope; return it from the scope, or do not donate it"
  `);
});

test('functions that cannot be transformed', async () => {
  const kept: Tensor[] = [];
  const leak = core.compile((x: Tensor) => {
    kept.push(core.exp(x));
    return x;
  });
  leak(two);
  expect(
    await textsOf([
      () => core.grad((x: Tensor) => core.exp(x))(two),
      () => core.grad((x: Tensor) => core.argmax(x))(two),
      () => core.vjp((x: Tensor) => core.sum(x), two).pullback(two),
      () => add(kept[0] as Tensor, 1).data(),
      () => core.compile((x: Tensor) => x.data())(two),
    ]),
  ).toMatchInlineSnapshot(`
    "[not-a-scalar] grad: the function to differentiate must return a scalar
      expected: a floating-point tensor of shape []
      received: f32[2]
      hint:     reduce it with sum or mean, or use vjp for a tensor of any shape
    [not-a-scalar] grad: the function to differentiate must return a scalar
      expected: a floating-point tensor of shape []
      received: i32[]
      hint:     reduce it with sum or mean, or use vjp for a tensor of any shape
    [tree-mismatch] vjp: the cotangent is not of the type of the value
      expected: f32[]
      received: f32[2]
    [tensor-not-concrete] an input of a traced function, f32[2], is used outside of it
      hint:     return what you need from the traced function instead of keeping it in a variable outside
    [tensor-not-concrete] an input of a traced function, f32[2], is used outside of it
      hint:     return what you need from the traced function instead of keeping it in a variable outside"
  `);
});
