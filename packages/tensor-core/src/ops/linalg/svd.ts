import { SingularValueDecomposition } from 'ml-matrix';
import {
  batchStack,
  largestOf,
  mapMatrices,
  packedShape,
  reciprocalOrZero,
  requireMatrices,
  sampleMatrix,
  unpack,
} from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import type { TensorType } from '../../type.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { matmul } from '../contraction/matmul.ts';
import { eye } from '../create/eye.ts';
import { expandDims } from '../movement/expandDims.ts';
import { swapAxes } from '../movement/permute.ts';

export const svdOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'svd',
  infer(inputs) {
    const x = operand(inputs, 0);
    const { batch } = requireMatrices('svd', x);
    return { shape: packedShape(batch, partsOf(x)), dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    mapMatrices(operand(inputs, 0), output.data, (matrix) => {
      const found = new SingularValueDecomposition(matrix, { autoTranspose: true });
      const [u, v] = [found.leftSingularVectors, found.rightSingularVectors];
      for (let column = 0; column < u.columns; column++) {
        if (largestOf(u.getColumn(column)) >= 0) continue;
        u.mulColumn(column, -1);
        v.mulColumn(column, -1);
      }
      return [u.to1DArray(), found.diagonal, v.to1DArray()];
    });
  },
  // J. Townsend, "Differentiating the singular value decomposition", 2016.
  derivative({ inputs, output, gradient }) {
    const parts = partsOf(operand(inputs, 0).type);
    const [u, s, v] = unpack(output, parts) as [Tensor, Tensor, Tensor];
    const [byU, byS, byV] = unpack(gradient, parts) as [Tensor, Tensor, Tensor];
    const [column, row] = [expandDims(s, -1), expandDims(s, -2)]; // s_i, s_j
    // (s_j - s_i)(s_j + s_i) keeps the digits that the difference of squares loses.
    const apart = mul(sub(row, column), add(row, column));
    const between = reciprocalOrZero(apart);
    const turned = (side: Tensor, bySide: Tensor): Tensor => {
      const inner = matmul(swapAxes(side), bySide);
      return mul(between, sub(inner, swapAxes(inner)));
    };
    const unit = eye(s.shape.at(-1) ?? 0, undefined, { dtype: s.dtype });
    const core = add(
      add(mul(turned(u, byU), row), mul(column, turned(v, byV))),
      mul(unit, expandDims(byS, -2)),
    );
    const inside = matmul(matmul(u, core), swapAxes(v));
    const inverse = reciprocalOrZero(row);
    const outside = (side: Tensor, bySide: Tensor): Tensor =>
      mul(sub(bySide, matmul(side, matmul(swapAxes(side), bySide))), inverse);
    return [
      add(add(inside, matmul(outside(u, byU), swapAxes(v))), matmul(u, swapAxes(outside(v, byV)))),
    ];
  },
  batch: batchStack,
  sample: (draw) => ({ inputs: [sampleMatrix(draw)], attributes: {} }),
};

/** The thin singular value decomposition, `x = u diag(s) v^T`. */
export interface Svd {
  /** [..., m, k], with k the smaller side: orthonormal columns, of which the largest element is positive. */
  readonly u: Tensor;
  /** [..., k], descending. */
  readonly s: Tensor;
  /** [..., n, k]: orthonormal columns. */
  readonly v: Tensor;
}

/**
 * The singular value decomposition of each matrix.
 *
 * It has a derivative where the singular values differ and are not 0. For singular values alone, and for what
 * does not depend on the choice of vectors, such as the best approximation of a rank, equal ones do no harm.
 *
 * @param x [..., m, n], floating point.
 * @throws LorikeetError `shape-mismatch` for fewer than two axes.
 */
export function svd(x: Tensor): Svd {
  const [u, s, v] = unpack(record(svdOp, [x], {}), partsOf(x.type)) as [Tensor, Tensor, Tensor];
  return { u, s, v };
}

function partsOf({ shape }: TensorType): [u: Shape, s: Shape, v: Shape] {
  const [rows = 0, columns = 0] = shape.slice(-2);
  const side = Math.min(rows, columns);
  return [[rows, side], [side], [columns, side]];
}
