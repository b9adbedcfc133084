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
} from '../../reduction.ts';
import { shiftAlong } from '../../scan.ts';
import { normalizeAxes, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { permute } from '../movement/permute.ts';
import { reshape } from '../movement/reshape.ts';
import { cumprod } from './cumprod.ts';

export const prodOp: Primitive<ReductionAttributes> = {
  kind: 'primitive',
  name: 'prod',
  infer(inputs, attributes) {
    const x = operand(inputs, 0);
    requireDType('prod', x.dtype, (dtype) => dtype !== 'bool');
    return { shape: reducedShape(x.shape, attributes), dtype: x.dtype };
  },
  evaluate(inputs, { axes }, output) {
    reduceInto(operand(inputs, 0), axes, 1, (total, value) => total * value, output);
  },
  derivative({ inputs, gradient, attributes: { axes } }) {
    const x = operand(inputs, 0);
    const kept = x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
    return [mul(productOfOthers(x, axes), reshape(gradient, kept))];
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

/** For each element the product of all others over `axes`: of those before it and those after it, since a zero cannot be divided out. */
function productOfOthers(x: Tensor, axes: readonly number[]): Tensor {
  const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
  const ordered = permute(x, order);
  const free = ordered.shape.slice(0, x.rank - axes.length);
  const count = sizeOf(ordered.shape.slice(free.length));
  const flat = reshape(ordered, [...free, count]);
  const scanned = (reverse: boolean): Tensor => {
    const scan = { axis: free.length, reverse };
    return cumprod(shiftAlong(flat, scan, 1), scan.axis, scan);
  };
  const back = order.map((_, axis) => order.indexOf(axis));
  return permute(reshape(mul(scanned(false), scanned(true)), ordered.shape), back);
}

/** The product over `axes`, or over all of them; 1 over no elements. */
export function prod(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReductionOptions = {},
): Tensor {
  const attributes = {
    axes: normalizeAxes('prod', axes, x.rank),
    keepAxes: options.keepAxes ?? false,
  };
  return record(prodOp, [x], attributes);
}
