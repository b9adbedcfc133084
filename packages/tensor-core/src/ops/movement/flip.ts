import { batchWith } from '../../batching.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxes, stridesOf } from '../../shape.ts';
import { forEachRow } from '../../strides.ts';
import type { Tensor } from '../../tensor.ts';

export type FlipAttributes = { readonly axes: readonly number[] };

export const flipOp: Primitive<FlipAttributes> = {
  kind: 'primitive',
  name: 'flip',
  rearranges: true,
  infer: (inputs) => {
    const { shape, dtype } = operand(inputs, 0);
    return { shape, dtype };
  },
  evaluate(inputs, { axes }, output) {
    const { data, shape } = operand(inputs, 0);
    const strides = stridesOf(shape);
    const jumps = strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
    const origin = axes.reduce(
      (sum, axis) => sum + ((shape[axis] as number) - 1) * (strides[axis] as number),
      0,
    );
    forEachRow(shape, [jumps], (row, [start], [step], length) => {
      const [from, by] = [origin + (start as number), step ?? 1];
      for (let k = 0; k < length; k++) output.data[row + k] = data[from + by * k] as number;
    });
  },
  derivative: ({ gradient, attributes: { axes } }) => [flip(gradient, axes)],
  batch: batchWith(({ axes }) => ({ axes: axes.map((axis) => axis + 1) })),
  sample(draw) {
    const shape = draw.shape();
    const axes = [...shape.keys()].filter(() => draw.boolean());
    return { inputs: [{ shape }], attributes: { axes } };
  },
  simplify: ([x], { axes }) => (axes.every((axis) => x?.shape[axis] === 1) ? 0 : undefined),
};

/** `x` with the order of its elements reversed along `axes`, or along all of them. */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  return record(flipOp, [x], { axes: normalizeAxes('flip', axes, x.rank) });
}
