import {
  add,
  cast,
  div,
  dot,
  equal,
  full,
  mean,
  mul,
  normal,
  pad,
  promote,
  reshape,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';

/** Elements of a group of features: the last ones may lack some. */
export function groupSize(features: number, groups: number): number {
  return Math.ceil(features / groups);
}

/** A random direction of a group: [D], of length 1. */
export function randomDirection(key: Tensor, size: number): Tensor {
  return normalised(normal(key, [size]));
}

/**
 * The direction of the average of all groups of all inputs.
 *
 * @param x [..., in]
 * @returns [D], of length 1
 */
export function averageDirection(x: Tensor, groups: number): Tensor {
  const rows = reshape(cast(x, promote(x.dtype, 'f32')), [-1, x.shape.at(-1) ?? 1]); // [T, in]
  return directionOf(mean(rows, 0), groups);
}

/** The same, of a multiple of the sum of the inputs: [in]. */
export function directionOf(total: Tensor, groups: number): Tensor {
  return normalised(mean(grouped(total, groups), 0));
}

/** One number for each group of features, its part along the direction: [..., in] to [..., G]. */
function compress(x: Tensor, direction: Tensor, groups: number): Tensor {
  return dot(grouped(x, groups), cast(direction, x.dtype), { contract: [[-1], [0]] });
}

/**
 * `x` times the transpose of `A`, whose derivative by A is that of `scale` times the product with the projection of `x`:
 * of `x` nothing but one number for each group is kept for it. The derivative by `x` is that of the product.
 *
 * @param x [..., in]
 * @param A [R, in]
 * @param direction [D]
 * @returns [..., R]
 */
export function projectedProduct(
  x: Tensor,
  A: Tensor,
  direction: Tensor,
  { groups, scale }: { readonly groups: number; readonly scale: number },
): Tensor {
  const kept = stopGradient(compress(stopGradient(x), direction, groups)); // [..., G]
  const along = mul(compress(A, direction, groups), scale); // [R, G]
  const projected = dot(kept, along, { contract: [[-1], [1]] });
  const product = dot(x, stopGradient(A), { contract: [[-1], [1]] });
  return add(product, sub(projected, stopGradient(projected)));
}

/** [..., in] to [..., G, D], with zeros where the last groups lack elements. */
function grouped(x: Tensor, groups: number): Tensor {
  const features = x.shape.at(-1) ?? 1;
  const size = groupSize(features, groups);
  const lacking = groups * size - features;
  const none = x.shape.slice(0, -1).map(() => 0);
  const whole = lacking === 0 ? x : pad(x, { high: [...none, lacking] });
  return reshape(whole, [...x.shape.slice(0, -1), groups, size]);
}

/** As PEFT, all elements alike in place of none. */
function normalised(direction: Tensor): Tensor {
  const squares = sum(square(direction));
  const isNone = equal(squares, 0);
  const even = full(direction.shape, 1 / Math.sqrt(direction.size), direction.dtype);
  return where(isNone, even, div(direction, sqrt(where(isNone, 1, squares))));
}
