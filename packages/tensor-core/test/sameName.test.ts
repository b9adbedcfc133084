import {
  add,
  crossEntropy,
  grad,
  mul,
  type NoAttributes,
  type Primitive,
  pow,
  record,
  type Tensor,
  tanhOp,
  tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

test('two ops of one name are not taken for each other', async () => {
  const scale = (factor: number): Primitive<NoAttributes> => ({
    ...tanhOp,
    name: 'scale',
    evaluate(inputs, _, output) {
      inputs[0]?.data.forEach((value, i) => {
        output.data[i] = factor * value;
      });
    },
  });
  const [twice, thrice] = [scale(2), scale(3)];
  const x = tensor([1, 2]);
  const call = (op: Primitive<NoAttributes>): Tensor => record(op, [x], {});
  expect([...(await call(twice).data())]).toEqual([2, 4]);
  expect([...(await call(thrice).data())]).toEqual([3, 6]);
  expect([...(await add(call(twice), call(thrice)).data())]).toEqual([5, 10]);
});

test('a class without any probability does not spoil the loss of the others', async () => {
  const logits = tensor([[0, 0, Number.NEGATIVE_INFINITY]]);
  const labels = tensor([1], [1], 'i32');
  expect(await crossEntropy(logits, labels).item()).toBeCloseTo(Math.LN2, 6);
});

test('the derivative of a power at 0 is its limit', async () => {
  const at = async (base: number, exponent: number): Promise<number[]> => {
    const slope = grad(([a, b]: readonly [Tensor, Tensor]) => mul(pow(a, b), 1));
    const both = slope([tensor(base), tensor(exponent)]);
    return await Promise.all(both.map((part) => part.item()));
  };
  expect(await at(0, 0)).toEqual([0, 0]);
  expect(await at(0, 2)).toEqual([0, 0]);
  expect(await at(2, 0)).toEqual([0, expect.closeTo(Math.LN2, 6)]);
});
