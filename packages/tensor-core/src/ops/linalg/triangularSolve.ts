import { batchStack, inferSolution, sampleSquare, withEqualBatches } from '../../matrices.ts';
import type { Primitive, Values } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { matmul } from '../contraction/matmul.ts';
import { swapAxes } from '../movement/permute.ts';
import { tril } from '../movement/tril.ts';
import { triu } from '../movement/triu.ts';
import { neg } from '../unary/neg.ts';

export type TriangularSolveAttributes = {
  /** Whether the triangle below the diagonal is read, or that above. */
  readonly lower: boolean;
  /** Whether the matrix is used transposed. */
  readonly transposed: boolean;
};

export const triangularSolveOp: Primitive<TriangularSolveAttributes> = {
  kind: 'primitive',
  name: 'triangularSolve',
  infer: (inputs) => inferSolution('triangularSolve', inputs),
  evaluate(inputs, attributes, output) {
    substitute(operand(inputs, 0), operand(inputs, 1), attributes, output);
  },
  derivative({ inputs, output, gradient, attributes: { lower, transposed } }) {
    const a = operand(inputs, 0);
    const byB = triangularSolve(a, gradient, { lower, transposed: !transposed });
    const byA = neg(transposed ? matmul(output, swapAxes(byB)) : matmul(byB, swapAxes(output)));
    return [lower ? tril(byA) : triu(byA), byB];
  },
  batch: batchStack,
  sample(draw) {
    const a = sampleSquare(draw);
    return {
      inputs: [a, { shape: [...a.shape.slice(0, -1), draw.integer(0, 2)] }],
      attributes: { lower: draw.boolean(), transposed: draw.boolean() },
    };
  },
};

export interface TriangularSolveOptions {
  /** Whether the triangle below the diagonal is read, or that above. Defaults to true. */
  readonly lower?: boolean;
  /** Whether `a` is used transposed. Defaults to false. */
  readonly transposed?: boolean;
}

/**
 * The solution `x` of `a x = b` for triangular `a`; the other triangle of `a` is not read. A 0 on the diagonal
 * gives infinities.
 *
 * @param a [..., n, n]
 * @param b [..., n, k]; leading axes broadcast.
 * @returns [..., n, k]
 * @throws LorikeetError `shape-mismatch` if the shapes do not fit.
 */
export function triangularSolve(
  a: Tensor,
  b: Tensor,
  { lower = true, transposed = false }: TriangularSolveOptions = {},
): Tensor {
  const operands = withEqualBatches('triangularSolve', a, b);
  return record(triangularSolveOp, operands, { lower, transposed });
}

/** Row by row, from the one that has a single unknown. */
function substitute(
  a: Values,
  b: Values,
  { lower, transposed }: TriangularSolveAttributes,
  { data: out }: Values,
): void {
  const [rows = 0, columns = 0] = b.shape.slice(-2);
  const x = new Float64Array(rows * columns);
  const down = lower !== transposed;
  for (let stack = 0; stack < sizeOf(b.shape.slice(0, -2)); stack++) {
    const at = (i: number, j: number): number =>
      a.data[stack * rows * rows + (transposed ? j * rows + i : i * rows + j)] as number;
    for (let step = 0; step < rows; step++) {
      const i = down ? step : rows - 1 - step;
      for (let k = 0; k < columns; k++) {
        let rest = b.data[(stack * rows + i) * columns + k] as number;
        for (let known = 0; known < step; known++) {
          const j = down ? known : rows - 1 - known;
          rest -= at(i, j) * (x[j * columns + k] as number);
        }
        x[i * columns + k] = rest / at(i, i);
      }
    }
    out.set(x, stack * rows * columns);
  }
}
