import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { LorikeetError } from '../../errors.ts';
import { leadingEigenvectors } from '../../leadingEigenvectors.ts';
import {
  batchStack,
  mapMatrices,
  packedShape,
  requireMatrices,
  sampleMatrix,
  unpack,
} from '../../matrices.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, type Shape } from '../../shape.ts';
import { signedParts, svdDerivative } from '../../singularVectors.ts';
import type { Tensor } from '../../tensor.ts';
import type { TensorType } from '../../type.ts';
import { pad } from '../movement/pad.ts';
import { type Svd, svd } from './svd.ts';

export type LeadingSvdAttributes = { readonly rank: number };

export const leadingSvdOp: Primitive<LeadingSvdAttributes> = {
  kind: 'primitive',
  name: 'leadingSvd',
  infer(inputs, { rank }) {
    const x = operand(inputs, 0);
    const { batch } = requireMatrices('leadingSvd', x);
    return { shape: packedShape(batch, partsOf(x, rank)), dtype: x.dtype };
  },
  evaluate(inputs, { rank }, output) {
    mapMatrices(operand(inputs, 0), output.data, (matrix) => {
      const isTall = matrix.rows > matrix.columns;
      const wide = isTall ? matrix.transpose() : matrix;
      const within = leadingSpace(wide, rank);
      const found = new SingularValueDecomposition(within.mmul(wide), { autoTranspose: true });
      const left = within.transpose().mmul(found.leftSingularVectors);
      const right = found.rightSingularVectors;
      return signedParts(isTall ? right : left, found.diagonal, isTall ? left : right);
    });
  },
  // By all singular vectors: the others turn the first ones.
  derivative({ inputs, gradient, attributes: { rank } }) {
    const x = operand(inputs, 0);
    const found = svd(x);
    const rest = (found.s.shape.at(-1) ?? 0) - rank;
    const [u, s, v] = unpack(gradient, partsOf(x.type, rank)).map((part) =>
      pad(part, { high: part.shape.map((_, axis) => (axis === part.rank - 1 ? rest : 0)) }),
    ) as [Tensor, Tensor, Tensor];
    return [svdDerivative(found, { u, s, v })];
  },
  batch: batchStack,
  sample(draw) {
    const [rows, columns] = [draw.integer(1, 3), draw.integer(1, 3)];
    const rank = draw.integer(1, Math.min(rows, columns));
    return { inputs: [sampleMatrix(draw, { rows, columns })], attributes: { rank } };
  },
};

/**
 * The largest `rank` singular values of each matrix and their vectors, as exact as `svd` has them where they are not
 * small beside the largest. For a small rank of a large matrix it takes a fraction of the time.
 *
 * @param x [..., m, n], floating point.
 * @returns u: [..., m, rank], s: [..., rank], v: [..., n, rank].
 * @throws LorikeetError `invalid-argument` if the rank is not from 1 to the smaller side.
 */
export function leadingSvd(x: Tensor, rank: number): Svd {
  const { rows, columns } = requireMatrices('leadingSvd', x.type);
  const most = Math.min(rows, columns);
  if (!(Number.isInteger(rank) && rank >= 1 && rank <= most)) {
    throw new LorikeetError(
      'invalid-argument',
      `leadingSvd: rank ${rank} of a matrix ${formatShape(x.shape)}`,
      { expected: `a whole number from 1 to ${most}`, received: String(rank) },
    );
  }
  const packed = record(leadingSvdOp, [x], { rank });
  const [u, s, v] = unpack(packed, partsOf(x.type, rank)) as [Tensor, Tensor, Tensor];
  return { u, s, v };
}

function partsOf({ shape }: TensorType, rank: number): [u: Shape, s: Shape, v: Shape] {
  const [rows = 0, columns = 0] = shape.slice(-2);
  return [[rows, rank], [rank], [columns, rank]];
}

/** Orthonormal rows that span the first left singular vectors of a matrix that is no taller than wide: [rank, rows]. */
function leadingSpace(matrix: Matrix, rank: number): Matrix {
  if (rank === matrix.rows) return Matrix.eye(rank);
  // So that no square is too large or too small.
  const scale = Math.max(matrix.max(), -matrix.min()) || 1;
  const rows = Array.from({ length: matrix.rows }, (_, i) =>
    Float64Array.from(matrix.getRow(i), (element) => element / scale),
  );
  return new Matrix(leadingEigenvectors(products(rows), rank).map((vector) => Array.from(vector)));
}

/** The product of each row with those up to it. */
function products(rows: readonly Float64Array[]): Float64Array[] {
  return rows.map((row, i) => {
    const line = new Float64Array(rows.length);
    for (let j = 0; j <= i; j += 4) {
      // Four at a time read this row once.
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => rows[Math.min(j + k, i)] ?? row) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      let [ofA, ofB, ofC, ofD] = [0, 0, 0, 0];
      for (let k = 0; k < row.length; k++) {
        const element = row[k] as number;
        ofA += element * (a[k] as number);
        ofB += element * (b[k] as number);
        ofC += element * (c[k] as number);
        ofD += element * (d[k] as number);
      }
      line.set([ofA, ofB, ofC, ofD].slice(0, i - j + 1), j);
    }
    return line;
  });
}
