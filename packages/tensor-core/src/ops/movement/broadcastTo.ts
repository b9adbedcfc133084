import { LorikeetError } from '../../errors.ts';
import { broadcastAxes } from '../../narrowing/axisMap.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { broadcastsTo, formatShape, type Shape, sameShape } from '../../shape.ts';
import { broadcastStrides, forEachRow } from '../../strides.ts';
import type { Tensor } from '../../tensor.ts';
import { reshape } from './reshape.ts';

export type BroadcastToAttributes = { readonly shape: Shape };

export const broadcastToOp: Primitive<BroadcastToAttributes> = {
  kind: 'primitive',
  name: 'broadcastTo',
  rearranges: true,
  vanishes: 'every',
  along: ([x], { shape }) => [broadcastAxes(x?.shape ?? [], shape)],
  infer(inputs, { shape }) {
    const x = operand(inputs, 0);
    if (!broadcastsTo(x.shape, shape)) {
      throw new LorikeetError(
        'shape-mismatch',
        `broadcastTo: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`,
        {
          expected: 'sides that are equal or 1, counted from the last axis',
          received: formatShape(x.shape),
        },
      );
    }
    return { shape, dtype: x.dtype };
  },
  evaluate(inputs, { shape }, output) {
    const x = operand(inputs, 0);
    forEachRow(shape, [broadcastStrides(x.shape, shape)], (row, [start], [step], length) => {
      const [from, by] = [start as number, step as number];
      for (let k = 0; k < length; k++) output.data[row + k] = x.data[from + by * k] as number;
    });
  },
  // The engine sums the derivative back to the operand's shape, as for every op that broadcasts.
  derivative: ({ gradient }) => [gradient],
  batch: ({ inputs, size, attributes: { shape } }) => {
    const x = operand(inputs, 0);
    const ones = new Array<number>(shape.length - x.rank + 1).fill(1);
    return broadcastTo(reshape(x, [size, ...ones, ...x.shape.slice(1)]), [size, ...shape]);
  },
  sample(draw) {
    const shape = draw.shape();
    return { inputs: [{ shape: draw.broadcastable(shape) }], attributes: { shape } };
  },
  simplify: ([x], { shape }) => (x !== undefined && sameShape(x.shape, shape) ? 0 : undefined),
};

/** `x` repeated along axes of length 1 and along new leading axes, by NumPy's rule. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : record(broadcastToOp, [x], { shape });
}
