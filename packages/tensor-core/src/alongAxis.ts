import { isInteger, requireDType } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import type { Draw, SampleInput } from './op.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from './shape.ts';
import { forEachRow } from './strides.ts';
import type { TensorType } from './type.ts';

/** Refuses indices that do not name one element of `x` along the axis each. */
export function requireIndicesAlong(
  op: string,
  x: TensorType,
  indices: TensorType,
  axis: number,
): void {
  requireDType(op, indices.dtype, isInteger, 'index');
  const fits =
    indices.shape.length === x.shape.length &&
    indices.shape.every((side, i) => i === axis || side <= (x.shape[i] ?? 0));
  if (fits) return;
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: indices of shape ${formatShape(indices.shape)} do not fit ${formatShape(x.shape)}`,
    {
      expected: `${x.shape.length} axes, of which none but axis ${axis} is longer than that of the tensor`,
      received: formatShape(indices.shape),
    },
  );
}

/** For each index, by its place, the place in a tensor of `shape` that has the other coordinates of the index and 0 along `axis`. */
export function placesAlong(shape: Shape, indices: Shape, axis: number): Int32Array {
  const strides = stridesOf(shape).map((stride, i) => (i === axis ? 0 : stride));
  const places = new Int32Array(sizeOf(indices));
  forEachRow(indices, [strides], (row, [start], [step], length) => {
    const [from, by] = [start as number, step ?? 0];
    for (let k = 0; k < length; k++) places[row + k] = from + by * k;
  });
  return places;
}

/** A tensor, indices along one of its axes, and the axis. */
export function drawAlongAxis(draw: Draw): {
  readonly x: SampleInput;
  readonly indices: SampleInput;
  readonly axis: number;
} {
  const shape = draw.shape({ minRank: 1, minSide: 1 });
  const axis = draw.integer(0, shape.length - 1);
  const sides = shape.map((side, i) => draw.integer(0, i === axis ? 4 : side));
  const range: readonly [number, number] = [0, (shape[axis] ?? 1) - 1];
  return { x: { shape }, indices: { shape: sides, dtype: 'i32', range }, axis };
}
