import { isInteger, requireDType } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import type { Draw, Sample, Values } from './op.ts';
import { operand } from './operand.ts';
import { requireIndex } from './ops/index/gather.ts';
import { formatShape, sameShape, sizeOf } from './shape.ts';
import { formatType, type TensorType } from './type.ts';

/** The type of a target after its slices at indices along an axis took updates. Throws, naming the op, if the updates do not fit. */
export function inferScatter(op: string, inputs: readonly TensorType[], axis: number): TensorType {
  const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
  requireDType(op, indices.dtype, isInteger, 'index');
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  if (sameShape(shape, updates.shape) && x.dtype === updates.dtype)
    return { shape: x.shape, dtype: x.dtype };
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: updates ${formatShape(updates.shape)} at indices ${formatShape(indices.shape)} do not fit ${formatShape(x.shape)}`,
    {
      expected: `${x.dtype}${formatShape(shape)}: the target with axis ${axis} replaced by the shape of the indices`,
      received: formatType(updates),
    },
  );
}

/** Walks the updates slice by slice: where a slice is, where it goes, and its length. */
export function forEachUpdate(
  op: string,
  inputs: readonly Values[],
  axis: number,
  visit: (from: number, to: number, length: number) => void,
): void {
  const [x, indices] = [operand(inputs, 0), operand(inputs, 1)];
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const side = x.shape[axis] as number;
  const count = indices.data.length;
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < count; i++) {
      const index = requireIndex(op, indices.data[i] as number, side);
      visit((o * count + i) * inner, (o * side + index) * inner, inner);
    }
}

export function sampleScatter(draw: Draw): Sample<{ readonly axis: number }> {
  const shape = draw.shape({ minRank: 1, minSide: 1 });
  const axis = draw.integer(0, shape.length - 1);
  const indices = draw.shape({ maxRank: 2 });
  const updates = [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)];
  const range: readonly [number, number] = [0, (shape[axis] ?? 1) - 1];
  return {
    inputs: [{ shape }, { shape: indices, dtype: 'i32', range }, { shape: updates }],
    attributes: { axis },
  };
}
