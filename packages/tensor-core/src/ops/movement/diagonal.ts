import { LorikeetError } from '../../errors.ts';
import { formatShape, normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { permute } from './permute.ts';
import { reshape } from './reshape.ts';
import { slice } from './slice.ts';

export interface DiagonalOptions {
  /** Which diagonal: 0, if not given, is the main one, and more lies further up and right. */
  readonly offset?: number;
  /** The rows and the columns; the first two axes if not given. */
  readonly axes?: readonly [rows: number, columns: number];
}

/** The elements of `x` on a diagonal of two axes, as a new last axis. NumPy's `diagonal`. */
export function diagonal(x: Tensor, options: DiagonalOptions = {}): Tensor {
  const { offset = 0, axes = [0, 1] } = options;
  const [row, column] = axes.map((axis) => normalizeAxis('diagonal', axis, x.rank)) as [
    number,
    number,
  ];
  if (row === column) {
    throw new LorikeetError('invalid-argument', 'diagonal: rows and columns are one axis', {
      expected: 'two axes',
      received: formatShape(axes),
    });
  }
  const others = [...x.shape.keys()].filter((axis) => axis !== row && axis !== column);
  const outer = others.map((axis) => x.shape[axis] ?? 1);
  const [height, width] = [x.shape[row] ?? 0, x.shape[column] ?? 0];
  const length = Math.max(0, Math.min(height + Math.min(offset, 0), width - Math.max(offset, 0)));
  // One row on and one column on is always the same step in row-major order.
  const flat = reshape(permute(x, [...others, row, column]), [...outer, height * width]);
  const start = length === 0 ? 0 : offset >= 0 ? offset : -offset * width;
  return slice(
    flat,
    [...outer.map(() => 0), start],
    [...outer, length],
    [...outer.map(() => 1), width + 1],
  );
}
