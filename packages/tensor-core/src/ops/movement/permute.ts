import { batchWith } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis, stridesOf } from '../../shape.ts';
import { forEachRow } from '../../strides.ts';
import type { Tensor } from '../../tensor.ts';

export type PermuteAttributes = { readonly axes: readonly number[] };

export const permuteOp: Primitive<PermuteAttributes> = {
  kind: 'primitive',
  name: 'permute',
  rearranges: true,
  vanishes: 'every',
  along: ([x], { axes }) => [(x?.shape ?? []).map((_, axis) => axes.indexOf(axis))],
  infer(inputs, { axes }) {
    const { shape, dtype } = operand(inputs, 0);
    return { shape: axes.map((axis) => shape[axis] as number), dtype };
  },
  evaluate(inputs, { axes }, output) {
    const { data, shape } = operand(inputs, 0);
    const strides = stridesOf(shape);
    forEachRow(
      output.shape,
      [axes.map((axis) => strides[axis] as number)],
      (row, [start], [step], length) => {
        const [from, by] = [start as number, step as number];
        for (let k = 0; k < length; k++) output.data[row + k] = data[from + by * k] as number;
      },
    );
  },
  derivative({ gradient, attributes: { axes } }) {
    return [
      permute(
        gradient,
        axes.map((_, axis) => axes.indexOf(axis)),
      ),
    ];
  },
  batch: batchWith(({ axes }) => ({ axes: [0, ...axes.map((axis) => axis + 1)] })),
  sample(draw) {
    const shape = draw.shape();
    return { inputs: [{ shape }], attributes: { axes: draw.permutation(shape.length) } };
  },
  simplify: (_, { axes }) => (axes.every((axis, i) => axis === i) ? 0 : undefined),
};

/** `x` with its axes in another order: axis `i` of the result is axis `axes[i]` of `x`. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const order = axes.map((axis) => normalizeAxis('permute', axis, x.rank));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new LorikeetError(
      'invalid-argument',
      `permute: ${formatShape(axes)} is no order of the axes of ${formatShape(x.shape)}`,
      {
        expected: `each of 0 to ${x.rank - 1} once`,
        received: formatShape(axes),
      },
    );
  }
  return order.every((axis, i) => axis === i) ? x : record(permuteOp, [x], { axes: order });
}

/** `x` with two axes exchanged; the last two by default, as in a matrix transpose. */
export function swapAxes(x: Tensor, a = -1, b = -2): Tensor {
  const p = normalizeAxis('swapAxes', a, x.rank);
  const q = normalizeAxis('swapAxes', b, x.rank);
  return permute(
    x,
    x.shape.map((_, axis) => (axis === p ? q : axis === q ? p : axis)),
  );
}
