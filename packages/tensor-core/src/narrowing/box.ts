import type { Shape } from '../shape.ts';

/** A part of a tensor: along each axis where it starts, and how long it is. */
export type Box = readonly Interval[];

export interface Interval {
  readonly start: number;
  readonly size: number;
}

export function wholeOf(shape: Shape): Box {
  return shape.map((size) => ({ start: 0, size }));
}

export function sizesOf(box: Box): number[] {
  return box.map(({ size }) => size);
}

export function isWhole(box: Box, shape: Shape): boolean {
  return box.every(({ size }, axis) => size === shape[axis]);
}

export function sameBox(a: Box, b: Box): boolean {
  return a.every(({ start, size }, axis) => start === b[axis]?.start && size === b[axis]?.size);
}

/** The smallest box around both. */
export function hull(a: Box, b: Box): Box {
  return zip(a, b, (x, y) => {
    const start = Math.min(x.start, y.start);
    return { start, size: Math.max(endOf(x), endOf(y)) - start };
  });
}

/** What both have; sizes may be 0. */
export function intersection(a: Box, b: Box): Box {
  return zip(a, b, intersect);
}

export function intersect(x: Interval, y: Interval): Interval {
  const start = Math.max(x.start, y.start);
  return { start, size: Math.max(0, Math.min(endOf(x), endOf(y)) - start) };
}

/** The box as it lies within `outer`. */
export function within(box: Box, outer: Box): Box {
  return zip(box, outer, (x, y) => ({ start: x.start - y.start, size: x.size }));
}

function endOf({ start, size }: Interval): number {
  return start + size;
}

function zip(a: Box, b: Box, combine: (x: Interval, y: Interval) => Interval): Box {
  return a.map((interval, axis) => combine(interval, b[axis] ?? interval));
}
