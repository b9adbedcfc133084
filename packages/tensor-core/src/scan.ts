import type { Draw, Sample } from './op.ts';
import { full } from './ops/create/full.ts';
import { concat } from './ops/movement/concat.ts';
import { sliceAxis } from './ops/movement/slice.ts';
import type { Tensor } from './tensor.ts';

export type ScanAttributes = {
  readonly axis: number;
  /** Whether the scan runs from the last element to the first. */
  readonly reverse: boolean;
};

export interface ScanOptions {
  /** Whether to run from the last element to the first; false if not given. */
  readonly reverse?: boolean;
}

/** What a scan has behind it at each place: `x` moved one place on along the axis; `filler` comes in where it starts. */
export function shiftAlong(x: Tensor, { axis, reverse }: ScanAttributes, filler: number): Tensor {
  const side = x.shape[axis] ?? 0;
  if (side === 0) return x;
  const entering = full(
    x.shape.map((other, i) => (i === axis ? 1 : other)),
    filler,
    x.dtype,
  );
  const kept = sliceAxis(x, axis, reverse ? 1 : 0, side - 1);
  return concat(reverse ? [kept, entering] : [entering, kept], axis);
}

export function sampleScan(draw: Draw): Sample<ScanAttributes> {
  const shape = draw.shape({ minRank: 1 });
  const attributes = { axis: draw.integer(0, shape.length - 1), reverse: draw.boolean() };
  return { inputs: [{ shape }], attributes };
}
