import { batchWith } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Draw, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis, type Shape, sameShape, stridesOf } from '../../shape.ts';
import { forEachRow } from '../../strides.ts';
import type { Tensor } from '../../tensor.ts';
import { pad } from './pad.ts';

export type SliceAttributes = {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
};

export const sliceOp: Primitive<SliceAttributes> = {
  kind: 'primitive',
  name: 'slice',
  rearranges: true,
  infer(inputs, { starts, sizes, steps }) {
    const { shape, dtype } = operand(inputs, 0);
    const fits = shape.every((side, axis) => {
      const [start, size, step] = [starts[axis] ?? -1, sizes[axis] ?? -1, steps[axis] ?? 0];
      return (
        start >= 0 && size >= 0 && step >= 1 && (size === 0 || start + (size - 1) * step < side)
      );
    });
    if (
      !fits ||
      [starts, sizes, steps].some(
        (list) => list.length !== shape.length || !list.every(Number.isInteger),
      )
    ) {
      throw new LorikeetError(
        'shape-mismatch',
        `slice: the range does not lie in ${formatShape(shape)}`,
        {
          expected: 'start, size and step for each axis, with start + (size - 1) * step inside',
          received: `starts ${formatShape(starts)}, sizes ${formatShape(sizes)}, steps ${formatShape(steps)}`,
        },
      );
    }
    return { shape: sizes, dtype };
  },
  evaluate(inputs, { starts, steps }, output) {
    const { data, shape } = operand(inputs, 0);
    const strides = stridesOf(shape);
    const origin = starts.reduce((sum, start, axis) => sum + start * (strides[axis] as number), 0);
    const jumps = strides.map((stride, axis) => stride * (steps[axis] as number));
    forEachRow(output.shape, [jumps], (row, [start], [step], length) => {
      const [from, by] = [origin + (start as number), step ?? 1];
      for (let k = 0; k < length; k++) output.data[row + k] = data[from + by * k] as number;
    });
  },
  derivative({ inputs, gradient, attributes: { starts, sizes, steps } }) {
    const { shape } = operand(inputs, 0);
    const end = (axis: number): number =>
      (starts[axis] as number) +
      Math.max((sizes[axis] as number) - 1, 0) * (steps[axis] as number) +
      ((sizes[axis] as number) > 0 ? 1 : 0);
    return [
      pad(gradient, {
        low: starts,
        high: shape.map((side, axis) => side - end(axis)),
        interior: steps.map((step) => step - 1),
      }),
    ];
  },
  batch: batchWith(({ starts, sizes, steps }, size) => ({
    starts: [0, ...starts],
    sizes: [size, ...sizes],
    steps: [1, ...steps],
  })),
  sample(draw) {
    const shape = draw.shape();
    const ranges = shape.map((side) => drawRange(draw, side));
    return {
      inputs: [{ shape }],
      attributes: {
        starts: ranges.map(([a]) => a),
        sizes: ranges.map(([, b]) => b),
        steps: ranges.map(([, , c]) => c),
      },
    };
  },
  simplify: ([x], _, type) => (x !== undefined && sameShape(x.shape, type.shape) ? 0 : undefined),
};

function drawRange(draw: Draw, side: number): [start: number, size: number, step: number] {
  const start = draw.integer(0, side);
  const step = draw.integer(1, 3);
  return [start, draw.integer(0, Math.ceil((side - start) / step)), step];
}

/** The box of `x` that begins at `starts` and has `sizes` elements along each axis, `steps` (1) apart. */
export function slice(
  x: Tensor,
  starts: readonly number[],
  sizes: Shape,
  steps?: readonly number[],
): Tensor {
  return record(sliceOp, [x], { starts, sizes, steps: steps ?? starts.map(() => 1) });
}

/** Elements `start` to `start + size - 1` of `x` along one axis. */
export function sliceAxis(x: Tensor, axis: number, start: number, size: number): Tensor {
  const target = normalizeAxis('sliceAxis', axis, x.rank);
  return slice(
    x,
    x.shape.map((_, i) => (i === target ? start : 0)),
    x.shape.map((side, i) => (i === target ? size : side)),
  );
}
