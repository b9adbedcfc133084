import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';

export const roundOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'round',
  wgsl: ([x]) => `round(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = nearestEven(x[i] as number);
  },
  derivative: 'none',
  sample: { avoid: [-1.5, -0.5, 0.5, 1.5] },
});

/** The nearest whole number; half way between two, the even one, as in NumPy. Elementwise: the result has the shape of `x`. */
export function round(x: TensorLike): Tensor {
  return record(roundOp, [asTensor(x)], {});
}

function nearestEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5 || (rest === 0.5 && floor % 2 === 0)) return floor;
  if (Number.isNaN(rest)) return value;
  return floor === -1 ? -0 : floor + 1;
}
