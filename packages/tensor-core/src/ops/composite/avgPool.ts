import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { sizeOf } from '../../shape.ts';
import { type PoolAttributes, requireWindow, windowViews } from '../../spatial.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';
import { ones } from '../create/full.ts';
import { pad } from '../movement/pad.ts';
import { type PoolOptions, poolAttributes, samplePool } from './maxPool.ts';

export type AvgPoolAttributes = PoolAttributes & { readonly countIncludePad: boolean };

export const avgPoolOp: Composite<AvgPoolAttributes> = {
  kind: 'composite',
  name: 'avgPool',
  body(inputs, attributes) {
    const x = operand(inputs, 0);
    requireWindow('avgPool', x, attributes);
    const { kernel, stride, padding, countIncludePad } = attributes;
    const total = (input: Tensor): Tensor => {
      const padded = pad(input, { low: [0, 0, ...padding], high: [0, 0, ...padding] });
      return windowViews(padded, kernel, stride).reduce((sum, view) => add(sum, view));
    };
    const single = [1, 1, ...x.shape.slice(2)];
    return div(total(x), countIncludePad ? sizeOf(kernel) : total(ones(single, x.dtype)));
  },
  sample(draw) {
    const { inputs, attributes } = samplePool(draw, false);
    return { inputs, attributes: { ...attributes, countIncludePad: draw.boolean() } };
  },
};

export interface AvgPoolOptions extends PoolOptions {
  /** Whether the zeros of the padding count. Defaults to true. */
  readonly countIncludePad?: boolean;
}

/**
 * The mean of the elements in a window that moves over the spatial axes.
 *
 * @param x [B, C, ...spatial]
 * @param kernel the sides of the window: one number for all axes, or one for each.
 * @returns [B, C, ...spatial], each side `floor((side + 2 * padding - kernel) / stride) + 1`.
 * @throws LorikeetError `shape-mismatch` if the window does not fit.
 */
export function avgPool(
  x: Tensor,
  kernel: number | readonly number[],
  { countIncludePad = true, ...options }: AvgPoolOptions = {},
): Tensor {
  return record(avgPoolOp, [x], { ...poolAttributes(x, kernel, options), countIncludePad });
}
