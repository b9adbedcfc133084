import { type Shape, sizeOf } from './shape.ts';

/** Strides of a tensor of shape `from` when it is read as one of shape `to`: 0 along broadcast axes. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = new Array<number>(to.length).fill(0);
  let step = 1;
  for (let back = 1; back <= from.length; back++) {
    const side = from[from.length - back] as number;
    if (side !== 1) strides[to.length - back] = step;
    step *= side;
  }
  return strides;
}

type RowVisitor = (
  /** Offset of the row in a row-major tensor of the walked shape. */
  row: number,
  /** Offset of the row's first element in each strided tensor. Reused between calls. */
  offsets: readonly number[],
  /** Step along the row in each strided tensor. */
  steps: readonly number[],
  length: number,
) => void;

/** Walks a shape row by row (runs along the last axis), with the place of each row in strided tensors. */
export function forEachRow(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: RowVisitor,
): void {
  const rank = shape.length;
  const length = rank === 0 ? 1 : (shape[rank - 1] as number);
  const rows = length === 0 ? 0 : sizeOf(shape) / length;
  const steps = strides.map((stride) => stride[rank - 1] ?? 0);
  const offsets = strides.map(() => 0);
  const index = new Array<number>(Math.max(rank - 1, 0)).fill(0);
  for (let row = 0; row < rows; row++) {
    visit(row * length, offsets, steps, length);
    for (let axis = rank - 2; axis >= 0; axis--) {
      const side = shape[axis] as number;
      const next = (index[axis] as number) + 1;
      const wrapped = next === side;
      index[axis] = wrapped ? 0 : next;
      for (let t = 0; t < strides.length; t++) {
        const stride = (strides[t] as readonly number[])[axis] as number;
        offsets[t] = (offsets[t] as number) + (wrapped ? stride * (1 - side) : stride);
      }
      if (!wrapped) break;
    }
  }
}
