import type { Matrix } from 'ml-matrix';
import { largestOf, reciprocalOrZero } from './matrices.ts';
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

/** The parts, with the signs by which the largest element of each left vector is positive. */
export function signedParts(u: Matrix, s: readonly number[], v: Matrix): (readonly number[])[] {
  for (let column = 0; column < u.columns; column++) {
    if (largestOf(u.getColumn(column)) >= 0) continue;
    u.mulColumn(column, -1);
    v.mulColumn(column, -1);
  }
  return [u.to1DArray(), s, v.to1DArray()];
}
