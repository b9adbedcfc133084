import { type Shape, sizeOf } from './shape.ts';

/** Walks the lines of a row-major tensor along one axis: the place of the first element, the way to the next, and how many there are. */
export function forEachLine(
  shape: Shape,
  axis: number,
  visit: (start: number, step: number, length: number) => void,
): void {
  const length = shape[axis] ?? 1;
  const step = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < step; i++) visit(o * length * step + i, step, length);
}
