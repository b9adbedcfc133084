import { LorikeetError } from '../../errors.ts';
import { formatShape, normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { sliceAxis } from './slice.ts';

/**
 * The parts of `x` one after the other along `axis`: `sizes` is how many elements each has, or the number of
 * parts of equal size. NumPy's `split`.
 *
 * @throws LorikeetError `shape-mismatch` where the parts do not make up the axis.
 */
export function splitAxis(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  const target = normalizeAxis('splitAxis', axis, x.rank);
  const side = x.shape[target] ?? 0;
  const parts = typeof sizes === 'number' ? equalParts(side, sizes) : sizes;
  const total = parts.reduce((sum, size) => sum + size, 0);
  if (total !== side || !parts.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new LorikeetError(
      'shape-mismatch',
      `splitAxis: axis ${target} of ${formatShape(x.shape)} does not fall into ${typeof sizes === 'number' ? `${sizes} equal parts` : `parts of ${formatShape(sizes)}`}`,
      { expected: `sizes that sum to ${side}`, received: String(sizes) },
    );
  }
  let end = 0;
  return parts.map((size) => {
    end += size;
    return sliceAxis(x, target, end - size, size);
  });
}

function equalParts(side: number, count: number): number[] {
  if (!Number.isInteger(count) || count < 1) return [Number.NaN];
  return new Array<number>(count).fill(side / count);
}
