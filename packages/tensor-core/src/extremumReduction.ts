import { batchAxes, batchAxis } from './batching.ts';
import { requireDType } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import { forEachLine } from './lines.ts';
import type { Primitive } from './op.ts';
import { operand } from './operand.ts';
import { div } from './ops/binary/div.ts';
import { equal } from './ops/binary/equal.ts';
import { mul } from './ops/binary/mul.ts';
import { reshape } from './ops/movement/reshape.ts';
import { sum } from './ops/reduce/sum.ts';
import { cast } from './ops/unary/cast.ts';
import {
  type ReductionAttributes,
  reducedShape,
  reduceInto,
  requireElements,
} from './reduction.ts';

/** A primitive that takes the largest, or the smallest, element over some axes. */
export function extremumPrimitive(
  name: string,
  start: number,
  pick: (a: number, b: number) => number,
): Primitive<ReductionAttributes> {
  return {
    kind: 'primitive',
    name,
    infer(inputs, attributes) {
      const x = operand(inputs, 0);
      requireDType(name, x.dtype, (dtype) => dtype !== 'bool');
      requireElements(name, x.shape, attributes.axes);
      return { shape: reducedShape(x.shape, attributes), dtype: x.dtype };
    },
    evaluate(inputs, { axes }, output) {
      reduceInto(operand(inputs, 0), axes, start, pick, output);
    },
    // Elements that share the extremum share the derivative.
    derivative({ inputs, output, gradient, attributes: { axes } }) {
      const x = operand(inputs, 0);
      const kept = x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
      const isTaken = cast(equal(x, reshape(output, kept)), x.dtype);
      const share = div(isTaken, sum(isTaken, axes, { keepAxes: true }));
      return [mul(share, reshape(gradient, kept))];
    },
    batch: batchAxes,
    sample(draw) {
      const shape = draw.shape({ minSide: 1 });
      const axes = shape.map((_, axis) => axis).filter(() => draw.boolean());
      return {
        inputs: [{ shape, distinct: true }],
        attributes: { axes, keepAxes: draw.boolean() },
      };
    },
    simplify: (inputs, { axes, keepAxes }) =>
      axes.length === 0 || (keepAxes && axes.every((axis) => operand(inputs, 0).shape[axis] === 1))
        ? 0
        : undefined,
  };
}

/** A primitive that finds where along an axis the largest, or the smallest, element is: the first of equals. NaN comes before all. */
export function placeOfExtremumPrimitive(
  name: string,
  beats: (value: number, leader: number) => boolean,
): Primitive<{ readonly axis: number }> {
  return {
    kind: 'primitive',
    name,
    infer(inputs, { axis }) {
      const { shape } = operand(inputs, 0);
      if (shape.length === 0)
        throw new LorikeetError('shape-mismatch', `${name}: a scalar has no axis`);
      requireElements(name, shape, [axis]);
      return { shape: shape.filter((_, other) => other !== axis), dtype: 'i32' };
    },
    evaluate(inputs, { axis }, output) {
      const { data, shape } = operand(inputs, 0);
      let line = 0;
      forEachLine(shape, axis, (start, step, length) => {
        let best = 0;
        for (let k = 1; k < length; k++) {
          const value = data[start + k * step] as number;
          const leader = data[start + best * step] as number;
          if (beats(value, leader) || (Number.isNaN(value) && !Number.isNaN(leader))) best = k;
        }
        output.data[line++] = best;
      });
    },
    derivative: 'none',
    batch: batchAxis,
    sample(draw) {
      const shape = draw.shape({ minRank: 1, minSide: 1 });
      return {
        inputs: [{ shape, distinct: true }],
        attributes: { axis: draw.integer(0, shape.length - 1) },
      };
    },
  };
}
