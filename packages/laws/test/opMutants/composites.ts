import { opLaws } from '@lorikeet/laws';
import {
  add,
  type Composite,
  div,
  mul,
  operand,
  sub,
  type Tensor,
  tanh,
} from '@lorikeet/tensor-core';
import { mutantOf, type OpMutant } from './opMutant.ts';

/** `3 tanh(x)`. */
export const stretchOp: Composite = {
  kind: 'composite',
  name: 'stretch',
  body: (inputs) => mul(tanh(operand(inputs, 0)), 3),
  sample: (draw) => ({ inputs: [{ shape: draw.shape() }], attributes: {} }),
};

/** Remembers its first operand, as a careless cache would. */
function forgetful(): Composite['body'] {
  let kept: Tensor | undefined;
  return (inputs) => {
    kept ??= operand(inputs, 0);
    return mul(kept.shape.length === operand(inputs, 0).rank ? kept : operand(inputs, 0), 3);
  };
}

/** Looks through a transposition without undoing it. */
function peephole(inputs: readonly Tensor[]): Tensor {
  const x = operand(inputs, 0);
  const { source } = x;
  if (source.kind !== 'op' || source.op.name !== 'permute') return mul(x, 3);
  return mul(operand(source.inputs, 0).reshape(x.shape), 3);
}

export const compositeMutants: readonly OpMutant[] = [
  [
    'an overflow in half precision',
    opLaws(mutantOf(stretchOp, { body: (inputs) => div(mul(operand(inputs, 0), 1e6), 1e5) })),
    'stays finite in f16 and bf16',
  ],
  [
    "a composite's own derivative that is not its body's",
    opLaws(mutantOf(stretchOp, { derivative: ({ gradient }) => [mul(gradient, 3)] })),
    'has the derivative of its body',
  ],
  [
    'a body that remembers an earlier call',
    opLaws(mutantOf(stretchOp, { body: forgetful() })),
    'is the same compiled, bit for bit',
  ],
  [
    'a body that looks through a transposition',
    opLaws(mutantOf(stretchOp, { body: peephole })),
    'does not depend on the layout of its operands',
  ],
  [
    'digits that cancel in single precision',
    opLaws(mutantOf(stretchOp, { body: (inputs) => sub(add(operand(inputs, 0), 1e4), 1e4) })),
    'is close in f32 to what it is in f64',
  ],
];
