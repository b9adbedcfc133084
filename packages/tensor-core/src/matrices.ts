import { Matrix } from 'ml-matrix';
import { batchedInputs } from './batching.ts';
import { isFloat, requireDType, type TypedArray } from './dtype.ts';
import { promoteOperands } from './elementwise.ts';
import { LorikeetError } from './errors.ts';
import type { Attributes, BatchArguments, Draw, SampleInput, Values } from './op.ts';
import { operand } from './operand.ts';
import { add } from './ops/binary/add.ts';
import { div } from './ops/binary/div.ts';
import { equal } from './ops/binary/equal.ts';
import { mul } from './ops/binary/mul.ts';
import { where } from './ops/binary/where.ts';
import { broadcastTo } from './ops/movement/broadcastTo.ts';
import { swapAxes } from './ops/movement/permute.ts';
import { reshape } from './ops/movement/reshape.ts';
import { sliceAxis } from './ops/movement/slice.ts';
import { record } from './record.ts';
import { broadcastShapes, formatShape, type Shape, sameShape, sizeOf } from './shape.ts';
import type { Tensor } from './tensor.ts';
import { formatType, type TensorType } from './type.ts';

/** A stack of matrices, [...batch, rows, columns]. */
export interface MatrixShape {
  readonly batch: Shape;
  readonly rows: number;
  readonly columns: number;
}

/** The last two axes as those of a matrix. Throws, naming the op, for what is no stack of matrices of floats. */
export function requireMatrices(op: string, { dtype, shape }: TensorType): MatrixShape {
  requireDType(op, dtype, isFloat);
  const [rows, columns] = shape.slice(-2);
  if (rows !== undefined && columns !== undefined)
    return { batch: shape.slice(0, -2), rows, columns };
  throw new LorikeetError('shape-mismatch', `${op}: ${formatShape(shape)} is no matrix`, {
    expected: 'at least two axes, of which the last are rows and columns',
    received: formatShape(shape),
  });
}

/** As `requireMatrices`, for matrices with as many rows as columns. */
export function requireSquare(op: string, type: TensorType): MatrixShape {
  const found = requireMatrices(op, type);
  if (found.rows === found.columns) return found;
  throw new LorikeetError('shape-mismatch', `${op}: ${formatShape(type.shape)} is not square`, {
    expected: 'as many rows as columns',
    received: formatShape(type.shape),
  });
}

/**
 * Calls `compute` for each matrix of a stack, with its elements [rows, columns], and writes what it gives, one part after
 * the other. A matrix with an element that is not finite gives NaN throughout.
 */
export function mapElements(
  { data, shape }: Values,
  out: TypedArray,
  compute: (elements: Float64Array, rows: number, columns: number) => readonly ArrayLike<number>[],
): void {
  const [rows = 0, columns = 0] = shape.slice(-2);
  const count = sizeOf(shape.slice(0, -2));
  const step = count === 0 ? 0 : out.length / count;
  for (let i = 0; i < count; i++) {
    const elements = Float64Array.from(data.subarray(i * rows * columns, (i + 1) * rows * columns));
    if (!elements.every(Number.isFinite)) {
      out.fill(Number.NaN, i * step, (i + 1) * step);
      continue;
    }
    let at = i * step;
    for (const part of compute(elements, rows, columns)) {
      out.set(part, at);
      at += part.length;
    }
  }
}

/** As `mapElements`, with matrices of the library. */
export function mapMatrices(
  values: Values,
  out: TypedArray,
  compute: (matrix: Matrix) => readonly ArrayLike<number>[],
): void {
  mapElements(values, out, (elements, rows, columns) =>
    compute(Matrix.from1DArray(rows, columns, Array.from(elements))),
  );
}

/** The shape of a tensor that holds parts of these shapes one after the other, for each of a batch. */
export function packedShape(batch: Shape, parts: readonly Shape[]): number[] {
  return [...batch, parts.reduce((total, part) => total + sizeOf(part), 0)];
}

/** The parts of such a tensor. */
export function unpack(packed: Tensor, parts: readonly Shape[]): Tensor[] {
  const batch = packed.shape.slice(0, -1);
  let start = 0;
  return parts.map((part) => {
    const flat = sliceAxis(packed, -1, start, sizeOf(part));
    start += sizeOf(part);
    return reshape(flat, [...batch, ...part]);
  });
}

/** The rule of an op on stacks of matrices: a batch is one more axis of the stack. */
export function batchStack(args: BatchArguments<Attributes>): Tensor {
  return record(args.op, batchedInputs(args), args.attributes);
}

/** A stack of matrices whose diagonal outweighs the rest, by another amount in each row: well-conditioned, and with values that lie apart. */
export function sampleMatrix(
  draw: Draw,
  sides: { rows?: number; columns?: number } = {},
): SampleInput {
  const { rows = draw.integer(1, 3), columns = draw.integer(1, 3) } = sides;
  const batch = draw.pick([[], [], [2], [0]]);
  return { shape: [...batch, rows, columns], arrange: weighDiagonal(rows, columns) };
}

/** A stack of square matrices of that kind. */
export function sampleSquare(draw: Draw): SampleInput {
  const rows = draw.integer(1, 3);
  return sampleMatrix(draw, { rows, columns: rows });
}

function weighDiagonal(
  rows: number,
  columns: number,
): (values: readonly number[]) => readonly number[] {
  return (values) =>
    values.map((value, i) => {
      const [row, column] = [Math.floor(i / columns) % rows, i % columns];
      return 0.15 * value + (row === column ? 1 + row : 0);
    });
}

/** The mean of each matrix and its transpose. */
export function symmetric(x: Tensor): Tensor {
  return mul(add(x, swapAxes(x)), 0.5);
}

/** `1 / x`, and 0 where that is infinite. */
export function reciprocalOrZero(x: Tensor): Tensor {
  const isZero = equal(x, 0);
  return where(isZero, 0, div(1, where(isZero, 1, x)));
}

/** Two stacks of matrices of one dtype, with the same leading axes. Throws `shape-mismatch`, naming the op, if they do not broadcast. */
export function withEqualBatches(op: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const [x, y] = promoteOperands(a, b);
  if (x.rank < 2 || y.rank < 2) return [x, y];
  const batch = broadcastShapes(op, x.shape.slice(0, -2), y.shape.slice(0, -2));
  const spread = (z: Tensor): Tensor => broadcastTo(z, [...batch, ...z.shape.slice(-2)]);
  return [spread(x), spread(y)];
}

/** The type of the solution of `a x = b`. Throws, naming the op, if `a` [..., n, n] and `b` [..., n, k] do not fit. */
export function inferSolution(op: string, inputs: readonly TensorType[]): TensorType {
  const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
  const { batch, rows } = requireSquare(op, a);
  const fits =
    a.dtype === b.dtype &&
    b.shape.length >= 2 &&
    b.shape.at(-2) === rows &&
    sameShape(batch, b.shape.slice(0, -2));
  if (fits) return { shape: b.shape, dtype: b.dtype };
  throw new LorikeetError(
    'shape-mismatch',
    `${op}: ${formatType(a)} and ${formatType(b)} do not fit`,
    {
      expected: 'matrices [..., n, n] and [..., n, k] of one dtype',
      received: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    },
  );
}
