import { describeLaws, moduleLaws } from '@lorikeet/laws';
import { Context, ExpertLinear, Linear } from '@lorikeet/nn';
import { normal, permute, randomKey, sliceAxis, squeeze, type Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const key = randomKey(1);

test.each([0, 1] as const)('each expert is a linear layer, input axis %i', async (axis) => {
  const made = ExpertLinear.init({ experts: 3, inFeatures: 4, outFeatures: 2 }, key);
  const weight = made.weight as Tensor;
  const bias = normal(key, [3, 2]);
  const experts = new ExpertLinear(axis === 1 ? weight : permute(weight, [0, 2, 1]), bias, axis);
  const x = normal(randomKey(2), [3, 5, 4]);
  const all = experts.call(x, Context.evaluation);
  expect(all.shape).toEqual([3, 5, 2]);
  const of = (tensor: Tensor, i: number): Tensor => squeeze(sliceAxis(tensor, 0, i, 1), 0);
  for (const i of [0, 1, 2]) {
    const alone = new Linear(of(weight, i), of(bias, i)).call(of(x, i), Context.evaluation);
    const [got, expected] = [await of(all, i).data(), await alone.data()];
    expected.forEach((value, j) => {
      expect(got[j]).toBeCloseTo(Number(value), 5);
    });
  }
});

/** The same with the batch first. */
class RowsFirst {
  readonly experts: ExpertLinear;

  constructor(experts: ExpertLinear) {
    this.experts = experts;
  }

  call(x: Tensor, context: Context): Tensor {
    const turn = (tensor: Tensor): Tensor => permute(tensor, [1, 0, 2]);
    return turn(this.experts.call(turn(x), context));
  }
}

const laws = moduleLaws({
  make: (draw) =>
    new RowsFirst(
      ExpertLinear.init(
        { experts: 2, inFeatures: 3, outFeatures: draw.integer(1, 3), bias: draw.boolean() },
        key,
      ),
    ),
  input: (draw) => [draw.integer(1, 3), 2, 3],
});
describeLaws('ExpertLinear', laws, { describe, test });
