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
  unreducedAxes,
} from '../../reduction.ts';
import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { broadcastTo } from '../movement/broadcastTo.ts';
import { reshape } from '../movement/reshape.ts';

export const sumOp: Primitive<ReductionAttributes> = {
  kind: 'primitive',
  name: 'sum',
  vanishes: 'every',
  along: ([x], attributes) => [unreducedAxes(x?.shape ?? [], attributes)],
  infer(inputs, attributes) {
    const x = operand(inputs, 0);
    requireDType('sum', x.dtype, (dtype) => dtype !== 'bool');
    return { shape: reducedShape(x.shape, attributes), dtype: x.dtype };
  },
  evaluate(inputs, { axes }, output) {
    reduceInto(operand(inputs, 0), axes, 0, (total, value) => total + value, output);
  },
  derivative({ inputs, gradient, attributes: { axes } }) {
    const { shape } = operand(inputs, 0);
    const kept = shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
    return [broadcastTo(reshape(gradient, kept), shape)];
  },
  batch: batchAxes,
  sample(draw) {
    const shape = draw.shape();
    const axes = shape.map((_, axis) => axis).filter(() => draw.boolean());
    return { inputs: [{ shape }], attributes: { axes, keepAxes: draw.boolean() } };
  },
  simplify: (inputs, { axes, keepAxes }) =>
    axes.length === 0 || (keepAxes && axes.every((axis) => operand(inputs, 0).shape[axis] === 1))
      ? 0
      : undefined,
};

/** The sum over `axes`, or over all of them. */
export function sum(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  const attributes = {
    axes: normalizeAxes('sum', axes, x.rank),
    keepAxes: options.keepAxes ?? false,
  };
  return record(sumOp, [x], attributes);
}
