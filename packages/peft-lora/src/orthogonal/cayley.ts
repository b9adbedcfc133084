import {
  add,
  cast,
  eye,
  gather,
  matmul,
  mul,
  solve,
  sub,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';

/**
 * The skew-symmetric matrices whose upper triangles, row by row, are given.
 *
 * @param packed [D, b (b - 1) / 2]
 * @returns [D, b, b]
 */
export function skewMatrices(packed: Tensor, side: number): Tensor {
  const places = new Int32Array(side * side);
  const signs = new Float32Array(side * side);
  let next = 0;
  for (let i = 0; i < side; i++) {
    for (let j = i + 1; j < side; j++) {
      places[i * side + j] = next;
      places[j * side + i] = next;
      signs[i * side + j] = 1;
      signs[j * side + i] = -1;
      next += 1;
    }
  }
  const spread = gather(packed, tensor(places, [side, side], 'i32'), 1); // [D, b, b]
  return mul(spread, cast(tensor(signs, [side, side]), packed.dtype));
}

/**
 * The Cayley transform `(I - Q) (I + Q)^-1` of skew-symmetric matrices: rotations without an eigenvalue of -1. Both
 * factors commute, so that one solution of equations gives it.
 *
 * @param skew [..., b, b]
 */
export function cayley(skew: Tensor): Tensor {
  const unit = identityLike(skew);
  return solve(add(unit, skew), sub(unit, skew));
}

/**
 * Its Neumann series for the transposed matrices, `I + 2 Q + 2 Q² + ... + Q^n`, as PEFT cuts it off: the last power counts
 * once, and three terms are the same as four. Near to a rotation for a small Q only.
 *
 * @param terms at least 2.
 */
export function cayleyNeumann(skew: Tensor, terms: number): Tensor {
  let sum = add(identityLike(skew), mul(skew, 2));
  if (terms === 2) return sum;
  let power = matmul(skew, skew);
  sum = add(sum, mul(power, 2));
  for (let term = 3; term < terms - 1; term++) {
    power = matmul(power, skew);
    sum = add(sum, mul(power, 2));
  }
  return add(sum, matmul(power, skew));
}

function identityLike(matrices: Tensor): Tensor {
  const side = matrices.shape.at(-1) ?? 0;
  return eye(side, side, { dtype: matrices.dtype });
}
