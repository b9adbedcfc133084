import { LorikeetError } from './errors.ts';
import { slice } from './ops/movement/slice.ts';
import { formatShape, type Shape, sizeOf } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** One number for each spatial axis, of one for all or one for each. */
export function perSpatialAxis(
  value: number | readonly number[] | undefined,
  axes: number,
  otherwise: number,
): readonly number[] {
  return typeof value === 'object' ? value : new Array<number>(axes).fill(value ?? otherwise);
}

/** The places of a window, row-major. */
export function placesOf(window: Shape): number[][] {
  return Array.from({ length: sizeOf(window) }, (_, place) => {
    let rest = place;
    const index = window.map(() => 0);
    for (let axis = window.length - 1; axis >= 0; axis--) {
      const side = window[axis] as number;
      index[axis] = rest % side;
      rest = Math.floor(rest / side);
    }
    return index;
  });
}

/** For each place of a window that moves over the spatial axes of `x` [B, C, ...], what lies there: strided views of one shape. */
export function windowViews(x: Tensor, window: Shape, stride: readonly number[]): Tensor[] {
  const sizes = x.shape
    .slice(2)
    .map((side, i) => Math.floor((side - (window[i] as number)) / (stride[i] as number)) + 1);
  return placesOf(window).map((place) =>
    slice(x, [0, 0, ...place], [...x.shape.slice(0, 2), ...sizes], [1, 1, ...stride]),
  );
}

export type PoolAttributes = {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
};

/** Refuses windows that do not fit, naming the op. */
export function requireWindow(op: string, x: Tensor, attributes: PoolAttributes): void {
  const { kernel, stride, padding } = attributes;
  const spatial = x.rank - 2;
  const isCounts = (list: readonly number[], least: number): boolean =>
    list.length === spatial && list.every((n) => Number.isInteger(n) && n >= least);
  const fits =
    spatial >= 1 &&
    isCounts(kernel, 1) &&
    isCounts(stride, 1) &&
    isCounts(padding, 0) &&
    padding.every((side, i) => 2 * side <= (kernel[i] as number)) &&
    x.shape.slice(2).every((side, i) => side + 2 * (padding[i] as number) >= (kernel[i] as number));
  if (fits) return;
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: a window ${formatShape(kernel)} does not fit ${formatShape(x.shape)}`,
    {
      expected:
        'an input [B, C, ...spatial] no smaller than the window, and a padding of at most half the window',
      received: `stride ${formatShape(stride)}, padding ${formatShape(padding)}`,
    },
  );
}

/** Refuses sizes that are not one of at least 1 for each spatial axis, naming the op. */
export function requireSizes(op: string, x: Tensor, sizes: Shape): void {
  const spatial = x.shape.slice(2);
  const fits =
    sizes.length === spatial.length &&
    sizes.length > 0 &&
    sizes.every((size) => Number.isInteger(size) && size >= 1) &&
    spatial.every((side) => side >= 1);
  if (fits) return;
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: ${formatShape(x.shape)} cannot become ${formatShape(sizes)}`,
    {
      expected: 'an input [B, C, ...spatial] and a size of at least 1 for each spatial axis',
      received: formatShape(sizes),
    },
  );
}
