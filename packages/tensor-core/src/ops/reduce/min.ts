import { batchAxes } from '../../batching.ts';
import { requireDType } from '../../dtype.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import {
  type ReductionAttributes,
  type ReductionOptions,
  reducedShape,
  reduceInto,
  requireElements,
} from '../../reduction.ts';
import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { equal } from '../binary/equal.ts';
import { mul } from '../binary/mul.ts';
import { reshape } from '../movement/reshape.ts';
import { cast } from '../unary/cast.ts';
import { sum } from './sum.ts';

export const minOp: Primitive<ReductionAttributes> = {
  kind: 'primitive',
  name: 'min',
  infer(inputs, attributes) {
    const x = operand(inputs, 0);
    requireDType('min', x.dtype, (dtype) => dtype !== 'bool');
    requireElements('min', x.shape, attributes.axes);
    return { shape: reducedShape(x.shape, attributes), dtype: x.dtype };
  },
  evaluate(inputs, { axes }, output) {
    reduceInto(operand(inputs, 0), axes, Number.POSITIVE_INFINITY, Math.min, output);
  },
  derivative({ inputs, output, gradient, attributes: { axes } }) {
    const x = operand(inputs, 0);
    const kept = x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
    const isMin = cast(equal(x, reshape(output, kept)), x.dtype);
    const share = div(isMin, sum(isMin, axes, { keepAxes: true }));
    return [mul(share, reshape(gradient, kept))];
  },
  batch: batchAxes,
  sample(draw) {
    const shape = draw.shape({ minSide: 1 });
    const axes = shape.map((_, axis) => axis).filter(() => draw.boolean());
    return { inputs: [{ shape, distinct: true }], attributes: { axes, keepAxes: draw.boolean() } };
  },
  simplify: (inputs, { axes, keepAxes }) =>
    axes.length === 0 || (keepAxes && axes.every((axis) => operand(inputs, 0).shape[axis] === 1))
      ? 0
      : undefined,
};

/** The smallest element over `axes`, or over all of them; NaN if there is one. Elements that share the minimum share the derivative. */
export function min(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  const attributes = {
    axes: normalizeAxes('min', axes, x.rank),
    keepAxes: options.keepAxes ?? false,
  };
  return record(minOp, [x], attributes);
}
