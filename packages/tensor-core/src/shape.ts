import { LorikeetError } from './errors.ts';

/** Lengths of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const side of shape) size *= side;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((side, axis) => side === b[axis]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

/** Elements to step over to advance one along each axis of a row-major tensor. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis] ?? 1;
  }
  return strides;
}

/** Turns an axis counted from the end into one counted from the start. Throws `invalid-argument`. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw new LorikeetError(
    'invalid-argument',
    `${op}: axis ${axis} is outside a tensor of rank ${rank}`,
    {
      expected:
        rank === 0 ? 'no axis: the tensor is a scalar' : `an integer from ${-rank} to ${rank - 1}`,
      received: String(axis),
    },
  );
}

/** `axes` counted from the start, ascending; all axes if `undefined`. Throws on a repeated axis. */
export function normalizeAxes(
  op: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) =>
    normalizeAxis(op, axis, rank),
  );
  if (new Set(list).size !== list.length) {
    throw new LorikeetError('invalid-argument', `${op}: an axis is named twice`, {
      received: formatShape(list),
    });
  }
  return list.sort((a, b) => a - b);
}

/** The shape that `a` and `b` broadcast to by NumPy's rule. Throws `shape-mismatch`, naming the op. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let back = 1; back <= rank; back++) {
    const p = a[a.length - back] ?? 1;
    const q = b[b.length - back] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw new LorikeetError(
        'shape-mismatch',
        `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`,
        {
          expected: 'sides that are equal or 1, counted from the last axis',
          received: `${p} against ${q} on axis -${back}`,
          hint: 'reshape or broadcast one of them',
        },
      );
    }
    result[rank - back] = p === 1 ? q : p;
  }
  return result;
}

/** Whether a tensor of shape `from` can be broadcast to `to` without changing `to`. */
export function broadcastsTo(from: Shape, to: Shape): boolean {
  if (from.length > to.length) return false;
  return from.every((side, axis) => side === 1 || side === to[axis + to.length - from.length]);
}
