import { batchWith } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export type ReshapeAttributes = { readonly shape: Shape };

export const reshapeOp: Primitive<ReshapeAttributes> = {
  kind: 'primitive',
  name: 'reshape',
  rearranges: true,
  vanishes: 'every',
  along: ([x], { shape }) => [keptAxes(x?.shape ?? [], shape)],
  infer(inputs, { shape }) {
    const x = operand(inputs, 0);
    if (sizeOf(x.shape) !== sizeOf(shape)) throw misfit(x.shape, shape);
    return { shape, dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    output.data.set(operand(inputs, 0).data);
  },
  derivative: ({ inputs, gradient }) => [reshape(gradient, operand(inputs, 0).shape)],
  batch: batchWith(({ shape }, size) => ({ shape: [size, ...shape] })),
  sample(draw) {
    const shape = draw.shape();
    const target = draw.boolean()
      ? [sizeOf(shape)]
      : [...draw.permutation(shape.length).map((axis) => shape[axis] ?? 1), 1];
    return { inputs: [{ shape }], attributes: { shape: target } };
  },
  simplify: ([x], { shape }) => (x !== undefined && sameShape(x.shape, shape) ? 0 : undefined),
};

/** The elements of `x` in the same row-major order under another shape; one side may be -1: what is left. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = sizeOf(shape.filter((side) => side !== -1));
  const target = shape.map((side) => (side === -1 ? x.size / known : side));
  const isValid =
    shape.filter((side) => side === -1).length <= 1 &&
    target.every((side) => Number.isInteger(side) && side >= 0);
  if (!isValid) throw misfit(x.shape, shape);
  return sameShape(x.shape, target) ? x : record(reshapeOp, [x], { shape: target });
}

/** The axes that stay themselves: of the same length, with as many elements before and after them. */
function keptAxes(from: Shape, to: Shape): (number | null)[] {
  return from.map((side, axis) => {
    const before = sizeOf(from.slice(0, axis));
    const place = to.findIndex((other, i) => other === side && sizeOf(to.slice(0, i)) === before);
    return place < 0 || side === 1 ? null : place;
  });
}

function misfit(from: Shape, to: Shape): LorikeetError {
  return new LorikeetError(
    'shape-mismatch',
    `reshape: ${formatShape(from)} cannot become ${formatShape(to)}`,
    {
      expected: `a shape of ${sizeOf(from)} elements, with at most one side of -1`,
      received: formatShape(to),
    },
  );
}
