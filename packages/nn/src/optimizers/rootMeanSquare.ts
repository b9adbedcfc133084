import { cast, div, maximum, mul, sqrt, type Tensor } from '@lorikeet/tensor-core';
import { type Optimizer, stateless, wide } from './optimizer.ts';

/** Scales the gradient of each parameter down so that its root mean square is at most `limit`. Shazeer and Stern 2018. */
export function clipByRms(limit: number): Optimizer<null> {
  return stateless((gradient) => {
    const excess = maximum(div(rootMeanSquare(gradient), limit), 1);
    return cast(div(wide(gradient), excess), gradient.dtype);
  });
}

/**
 * Multiplies by the root mean square of the parameter, or by `least` if that is more: a rate is then relative
 * to the size of what it changes. Shazeer and Stern 2018.
 */
export function scaleByParameterRms(least = 1e-3): Optimizer<null> {
  return stateless((gradient, parameter) =>
    cast(mul(wide(gradient), maximum(rootMeanSquare(parameter), least)), gradient.dtype),
  );
}

/** Over all elements; at least f32, and 0 if there is none. */
function rootMeanSquare(x: Tensor): Tensor {
  const precise = wide(x);
  return sqrt(div(mul(precise, precise).sum(), Math.max(x.size, 1)));
}
