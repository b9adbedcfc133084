import { add } from './ops/binary/add.ts';
import { mul } from './ops/binary/mul.ts';
import { sub } from './ops/binary/sub.ts';
import { mean } from './ops/reduce/mean.ts';
import { rsqrt } from './ops/unary/rsqrt.ts';
import type { Tensor } from './tensor.ts';

export interface Standardized {
  /** Of mean 0 and variance 1 over the axes. */
  readonly unit: Tensor;
  /** What the differences from the mean were multiplied with; its reduced axes have length 1. */
  readonly inverse: Tensor;
}

const along = { keepAxes: true };

/** `x` shifted and scaled to mean 0 and variance 1 over `axes`; `epsilon` is added to the variance. */
export function standardize(x: Tensor, axes: readonly number[], epsilon: number): Standardized {
  const centred = sub(x, mean(x, axes, along));
  const inverse = rsqrt(add(mean(mul(centred, centred), axes, along), epsilon));
  return { unit: mul(centred, inverse), inverse };
}

/** The derivative by `x` of what `standardize` gave, for a `gradient` by `unit`. */
export function derivativeOfStandardize(
  { unit, inverse }: Standardized,
  axes: readonly number[],
  gradient: Tensor,
): Tensor {
  const centred = sub(gradient, mean(gradient, axes, along));
  return mul(sub(centred, mul(unit, mean(mul(gradient, unit), axes, along))), inverse);
}
