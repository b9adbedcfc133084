import { LuDecomposition, Matrix } from 'ml-matrix';
import { LorikeetError } from '../../errors.ts';
import { batchStack, inferSolution, sampleSquare, withEqualBatches } from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { matmul } from '../contraction/matmul.ts';
import { expandDims } from '../movement/expandDims.ts';
import { swapAxes } from '../movement/permute.ts';
import { squeeze } from '../movement/squeeze.ts';
import { neg } from '../unary/neg.ts';

export const solveOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'solve',
  infer: (inputs) => inferSolution('solve', inputs),
  evaluate(inputs, _, { data: out }) {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    const [rows = 0, columns = 0] = b.shape.slice(-2);
    if (rows * columns === 0) return;
    for (let i = 0; i < sizeOf(b.shape.slice(0, -2)); i++) {
      const part = (data: typeof out, size: number): number[] =>
        Array.from(data.subarray(i * size, (i + 1) * size));
      const found = new LuDecomposition(Matrix.from1DArray(rows, rows, part(a.data, rows * rows)));
      if (found.isSingular()) throw singular('solve');
      const right = Matrix.from1DArray(rows, columns, part(b.data, rows * columns));
      out.set(found.solve(right).to1DArray(), i * rows * columns);
    }
  },
  derivative({ inputs, output, gradient }) {
    const byB = solve(swapAxes(operand(inputs, 0)), gradient);
    return [neg(matmul(byB, swapAxes(output))), byB];
  },
  batch: batchStack,
  sample(draw) {
    const a = sampleSquare(draw);
    return {
      inputs: [a, { shape: [...a.shape.slice(0, -1), draw.integer(0, 2)] }],
      attributes: {},
    };
  },
};

/**
 * The solution `x` of `a x = b`.
 *
 * @param a [..., n, n]
 * @param b [n], or [..., n, k], of which leading axes broadcast.
 * @returns [..., n, k], or [..., n] if `b` is a vector.
 * @throws LorikeetError `shape-mismatch` if the shapes do not fit; `invalid-argument`, when it runs on the
 *   reference backend, if a matrix is singular.
 */
export function solve(a: Tensor, b: Tensor): Tensor {
  if (b.rank === 1) return squeeze(solve(a, expandDims(b, -1)), -1);
  return record(solveOp, withEqualBatches('solve', a, b), {});
}

export function singular(op: string): LorikeetError {
  return new LorikeetError('invalid-argument', `${op}: a matrix is singular`, {
    expected: 'a matrix with an inverse',
    hint: 'add a small multiple of the identity, or use svd',
  });
}
