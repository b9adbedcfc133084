import type { Composite, Draw, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { type PoolAttributes, perSpatialAxis, requireWindow, windowViews } from '../../spatial.ts';
import type { Tensor } from '../../tensor.ts';
import { where } from '../binary/where.ts';
import { ones } from '../create/full.ts';
import { pad } from '../movement/pad.ts';
import { stack } from '../movement/stack.ts';
import { max } from '../reduce/max.ts';

export const maxPoolOp: Composite<PoolAttributes> = {
  kind: 'composite',
  name: 'maxPool',
  body(inputs, attributes) {
    const x = operand(inputs, 0);
    requireWindow('maxPool', x, attributes);
    const { kernel, stride, padding } = attributes;
    const edges = { low: [0, 0, ...padding], high: [0, 0, ...padding] };
    const padded = where(
      pad(ones(x.shape, 'bool'), edges),
      pad(x, edges),
      Number.NEGATIVE_INFINITY,
    );
    return max(stack(windowViews(padded, kernel, stride)), 0);
  },
  sample: (draw) => samplePool(draw, true),
};

export interface PoolOptions {
  /** How far the window moves, one number or one for each spatial axis. Defaults to the window's sides. */
  readonly stride?: number | readonly number[];
  /** What is added at both ends of each spatial axis; at most half the window. Defaults to 0. */
  readonly padding?: number | readonly number[];
}

/**
 * The largest element in a window that moves over the spatial axes. Elements that share it share the derivative.
 *
 * @param x [B, C, ...spatial]
 * @param kernel the sides of the window: one number for all axes, or one for each.
 * @returns [B, C, ...spatial], each side `floor((side + 2 * padding - kernel) / stride) + 1`.
 * @throws LorikeetError `shape-mismatch` if the window does not fit.
 */
export function maxPool(
  x: Tensor,
  kernel: number | readonly number[],
  options: PoolOptions = {},
): Tensor {
  return record(maxPoolOp, [x], poolAttributes(x, kernel, options));
}

export function poolAttributes(
  x: Tensor,
  kernel: number | readonly number[],
  { stride, padding }: PoolOptions,
): PoolAttributes {
  const axes = Math.max(x.rank - 2, 0);
  return {
    kernel: perSpatialAxis(kernel, axes, 1),
    stride: perSpatialAxis(stride ?? kernel, axes, 1),
    padding: perSpatialAxis(padding, axes, 0),
  };
}

export function samplePool(draw: Draw, distinct: boolean): Sample<PoolAttributes> {
  const spatial = draw.integer(1, 2);
  const sides = (min: number, max: number): number[] =>
    Array.from({ length: spatial }, () => draw.integer(min, max));
  const kernel = sides(1, 3);
  const shape = [
    draw.integer(1, 2),
    draw.integer(1, 2),
    ...kernel.map((side) => side + draw.integer(0, 2)),
  ];
  return {
    inputs: [distinct ? { shape, distinct } : { shape }],
    attributes: {
      kernel,
      stride: sides(1, 2),
      padding: kernel.map((side) => draw.integer(0, Math.floor(side / 2))),
    },
  };
}
