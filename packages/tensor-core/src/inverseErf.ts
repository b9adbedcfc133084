import { add } from './ops/binary/add.ts';
import { less } from './ops/binary/less.ts';
import { mul } from './ops/binary/mul.ts';
import { sub } from './ops/binary/sub.ts';
import { where } from './ops/binary/where.ts';
import { full } from './ops/create/full.ts';
import { log } from './ops/unary/log.ts';
import { neg } from './ops/unary/neg.ts';
import { sqrt } from './ops/unary/sqrt.ts';
import type { Tensor } from './tensor.ts';

/** Coefficients in falling powers, for the middle and for the tails. Giles 2010, "Approximating the erfinv function". */
const middle = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
  -0.00417768164, 0.246640727, 1.50140941,
];
const tails = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
  0.00943887047, 1.00167406, 2.83297682,
];

/** What `erf` takes to `x`, to the digits of f32; `x` lies between -1 and 1. */
export function inverseErf(x: Tensor): Tensor {
  const w = neg(log(mul(sub(1, x), add(1, x))));
  const isMiddle = less(w, 5);
  const place = where(isMiddle, sub(w, 2.5), sub(sqrt(w), 3));
  const polynomial = middle.reduce<Tensor>(
    (total, coefficient, i) => add(mul(total, place), where(isMiddle, coefficient, tails[i] ?? 0)),
    full([], 0, x.dtype),
  );
  return mul(polynomial, x);
}
