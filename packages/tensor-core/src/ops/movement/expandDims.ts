import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { reshape } from './reshape.ts';

/** `x` with new axes of length 1, at the places `axes` of the result. */
export function expandDims(x: Tensor, axes: number | readonly number[]): Tensor {
  const rank = x.rank + (typeof axes === 'number' ? 1 : axes.length);
  const places = normalizeAxes('expandDims', axes, rank);
  const sides = x.shape.values();
  const shape = Array.from({ length: rank }, (_, axis) =>
    places.includes(axis) ? 1 : (sides.next().value ?? 1),
  );
  return reshape(x, shape);
}
