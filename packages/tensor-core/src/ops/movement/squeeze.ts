import { LorikeetError } from '../../errors.ts';
import { formatShape, normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { reshape } from './reshape.ts';

/**
 * `x` without `axes`, or without all axes of length 1.
 *
 * @throws LorikeetError `shape-mismatch` if one of `axes` has another length than 1.
 */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  if (axes === undefined)
    return reshape(
      x,
      x.shape.filter((side) => side !== 1),
    );
  const gone = normalizeAxes('squeeze', axes, x.rank);
  const long = gone.find((axis) => x.shape[axis] !== 1);
  if (long !== undefined) {
    throw new LorikeetError(
      'shape-mismatch',
      `squeeze: axis ${long} of ${formatShape(x.shape)} cannot go`,
      { expected: 'an axis of length 1', received: `length ${x.shape[long]}` },
    );
  }
  return reshape(
    x,
    x.shape.filter((_, axis) => !gone.includes(axis)),
  );
}
