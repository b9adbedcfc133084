import {
  add,
  div,
  expandDims,
  full,
  iota,
  log,
  mul,
  reciprocal,
  square,
  sub,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';

/** The series below are good to twelve digits from here on; smaller arguments are led there. */
const steps = 8;

/** Logarithm of the gamma function of positive elements, elementwise: Stirling's series. */
export function logGamma(x: Tensor): Tensor {
  const z = add(x, steps);
  const above = add(sub(mul(sub(z, 0.5), log(z)), z), Math.log(2 * Math.PI) / 2);
  const inverse = reciprocal(z);
  const rest = mul(
    inverse,
    inSquares(inverse, [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360]),
  );
  return sub(add(above, rest), sum(log(stepsFrom(x)), -1));
}

/** The derivative of `logGamma`, elementwise. */
export function digamma(x: Tensor): Tensor {
  const z = add(x, steps);
  const inverse = reciprocal(z);
  const rest = mul(
    square(inverse),
    inSquares(inverse, [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760]),
  );
  const above = sub(sub(log(z), div(inverse, 2)), rest);
  return sub(above, sum(reciprocal(stepsFrom(x)), -1));
}

/** Each element, and those 1, 2, ... above it: [..., steps]. */
function stepsFrom(x: Tensor): Tensor {
  return add(expandDims(x, -1), iota([steps]));
}

/** The polynomial in the square of `x`, from the constant on. */
function inSquares(x: Tensor, coefficients: readonly number[]): Tensor {
  const power = square(x);
  const [last = 0, ...others] = coefficients.toReversed();
  return others.reduce(
    (tail, coefficient) => add(mul(tail, power), coefficient),
    full(x.shape, last, x.dtype),
  );
}
