import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { resample } from '../../resample.ts';
import { requireSizes } from '../../spatial.ts';
import type { Tensor } from '../../tensor.ts';

export type AdaptiveAvgPoolAttributes = { readonly sizes: readonly number[] };

export const adaptiveAvgPoolOp: Composite<AdaptiveAvgPoolAttributes> = {
  kind: 'composite',
  name: 'adaptiveAvgPool',
  body(inputs, { sizes }) {
    const x = operand(inputs, 0);
    requireSizes('adaptiveAvgPool', x, sizes);
    return sizes.reduce(
      (state, size, i) => resample(state, i + 2, meansOf(x.shape[i + 2] ?? 1, size)),
      x,
    );
  },
  sample(draw) {
    const spatial = draw.integer(1, 2);
    const sides = (min: number, max: number): number[] =>
      Array.from({ length: spatial }, () => draw.integer(min, max));
    return {
      inputs: [{ shape: [draw.integer(0, 2), draw.integer(1, 2), ...sides(1, 5)] }],
      attributes: { sizes: sides(1, 4) },
    };
  },
};

/**
 * Means over parts of the spatial axes, which are cut into as many parts as `size` says; parts overlap by one
 * where they do not come out even. PyTorch's rule.
 *
 * @param x [B, C, ...spatial]
 * @param size of the result: one number for all spatial axes, or one for each.
 * @throws LorikeetError `shape-mismatch` if the sizes do not fit.
 */
export function adaptiveAvgPool(x: Tensor, size: number | readonly number[]): Tensor {
  const axes = Math.max(x.rank - 2, 0);
  const sizes = typeof size === 'number' ? new Array<number>(axes).fill(size) : size;
  return record(adaptiveAvgPoolOp, [x], { sizes });
}

/** For each part of an axis of length `side`, the weight of each element. */
function meansOf(side: number, parts: number): number[][] {
  return Array.from({ length: parts }, (_, part) => {
    const start = Math.floor((part * side) / parts);
    const end = Math.ceil(((part + 1) * side) / parts);
    return Array.from({ length: side }, (_unused, i) =>
      i >= start && i < end ? 1 / (end - start) : 0,
    );
  });
}
