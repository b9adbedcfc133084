import { describeLaws, opLaws } from '@lorikeet/laws';
import {
  abs,
  add,
  type Composite,
  div,
  mul,
  type NoAttributes,
  operand,
  type Primitive,
  record,
  sigmoid,
  silu,
  sub,
  type Tensor,
  tensor,
  unaryPrimitive,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

// An op of each kind from outside of tensor-core: this file is all that it takes.

const softsignOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'softsign',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = (x[i] as number) / (1 + Math.abs(x[i] as number));
  },
  derivative: ({ inputs, gradient }) => {
    const root = add(abs(operand(inputs, 0)), 1);
    return [div(gradient, mul(root, root))];
  },
  sample: { avoid: [0] },
});

/** `x / (1 + |x|)`. Elementwise. */
function softsign(x: Tensor): Tensor {
  return record(softsignOp, [x], {});
}

const swigluOp: Composite<NoAttributes> = {
  kind: 'composite',
  name: 'swiglu',
  body: (inputs) => mul(silu(operand(inputs, 0)), operand(inputs, 1)),
  derivative({ inputs, gradient }) {
    const [gate, x] = [operand(inputs, 0), operand(inputs, 1)];
    const share = sigmoid(gate);
    const slope = mul(share, add(mul(gate, sub(1, share)), 1));
    return [mul(mul(gradient, x), slope), mul(gradient, silu(gate))];
  },
  sample(draw) {
    const shape = draw.shape();
    return { inputs: [{ shape }, { shape: draw.broadcastable(shape) }], attributes: {} };
  },
};

/** `silu(gate) * x` (Shazeer 2020). Elementwise, with broadcasting. */
function swiglu(gate: Tensor, x: Tensor): Tensor {
  return record(swigluOp, [gate, x], {});
}

describeLaws('a primitive from outside', opLaws(softsignOp), { describe, test });
describeLaws('a composite from outside', opLaws(swigluOp), { describe, test });

test('ops from outside are called like our own', async () => {
  expect([...(await softsign(tensor([-1, 3])).data())]).toEqual([-0.5, 0.75]);
  const [half = 0] = await swiglu(tensor([1]), tensor([0.5])).data();
  expect(half).toBeCloseTo(0.5 / (1 + Math.exp(-1)), 6);
});
