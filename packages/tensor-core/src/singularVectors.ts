import type { SvdParts } from './decompositions/decomposeSvd.ts';
import { largestOf, negate } from './decompositions/signs.ts';
import { transpose } from './decompositions/transpose.ts';
import { reciprocalOrZero } from './matrices.ts';
import { add } from './ops/binary/add.ts';
import { mul } from './ops/binary/mul.ts';
import { sub } from './ops/binary/sub.ts';
import { matmul } from './ops/contraction/matmul.ts';
import { eye } from './ops/create/eye.ts';
import type { Svd } from './ops/linalg/svd.ts';
import { expandDims } from './ops/movement/expandDims.ts';
import { swapAxes } from './ops/movement/permute.ts';
import type { Tensor } from './tensor.ts';

/**
 * The derivative of an objective by the matrix, from those by its parts: J. Townsend, "Differentiating the singular
 * value decomposition", 2016.
 */
export function svdDerivative({ u, s, v }: Svd, by: Svd): Tensor {
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
    add(mul(turned(u, by.u), row), mul(column, turned(v, by.v))),
    mul(unit, expandDims(by.s, -2)),
  );
  const inside = matmul(matmul(u, core), swapAxes(v));
  const inverse = reciprocalOrZero(row);
  const outside = (side: Tensor, bySide: Tensor): Tensor =>
    mul(sub(bySide, matmul(side, matmul(swapAxes(side), bySide))), inverse);
  return add(
    add(inside, matmul(outside(u, by.u), swapAxes(v))),
    matmul(u, swapAxes(outside(v, by.v))),
  );
}

/**
 * The parts of a packed decomposition, with the signs by which the largest element of each left vector is positive.
 *
 * @param parts Vectors as rows.
 * @param rows The length of a left vector.
 */
export function signedParts(
  { left, values, right }: SvdParts,
  rows: number,
  columns: number,
): readonly Float64Array[] {
  const count = values.length;
  for (let i = 0; i < count; i++) {
    const vector = left.subarray(i * rows, (i + 1) * rows);
    if (largestOf(vector) >= 0) continue;
    negate(vector);
    negate(right.subarray(i * columns, (i + 1) * columns));
  }
  return [transpose(left, count, rows), values, transpose(right, count, columns)];
}
