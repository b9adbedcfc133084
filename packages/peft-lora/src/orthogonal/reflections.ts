import {
  add,
  cast,
  concat,
  div,
  dot,
  full,
  mul,
  neg,
  pad,
  sliceAxis,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';

/** Unit vectors of the columns of `vectors`, as exact as `like`: two equal reflections are to be none. [d, r] */
export function unitColumns(vectors: Tensor, like: Tensor): Tensor {
  const wide = like.dtype === 'f64' ? cast(vectors, 'f64') : vectors;
  return div(wide, sqrt(sum(square(wide), 0, { keepAxes: true })));
}

/** The columns made orthonormal one after the other (Gram and Schmidt). [d, r] */
export function orthonormalColumns(vectors: Tensor, like: Tensor): Tensor {
  const units = unitColumns(vectors, like);
  const [, count = 0] = units.shape;
  let basis = sliceAxis(units, 1, 0, 1);
  for (let i = 1; i < count; i++) {
    const column = sliceAxis(units, 1, i, 1); // [d, 1]
    const shares = dot(basis, column, { contract: [[0], [0]] }); // [i, 1]
    const rest = sub(column, dot(basis, shares, { contract: [[1], [0]] }));
    basis = concat([basis, unitColumns(rest, rest)], 1);
  }
  return basis;
}

/**
 * Rows reflected at the hyperplanes of unit vectors, the first vector's first: rows times `H_1 H_2 ... H_r`. The meaning,
 * one reflection after the other.
 *
 * @param rows [..., d]
 * @param units [d, r]
 */
export function reflect(rows: Tensor, units: Tensor): Tensor {
  const [, count = 0] = units.shape;
  let reflected = rows;
  for (let i = 0; i < count; i++) {
    const unit = sliceAxis(units, 1, i, 1); // [d, 1]
    const heights = dot(reflected, unit, { contract: [[-1], [0]] }); // [..., 1]
    reflected = sub(reflected, mul(dot(heights, unit, { contract: [[-1], [1]] }), 2));
  }
  return reflected;
}

/**
 * The same in the other order, the last vector first: rows times `H_r ... H_1`, which is how inputs meet a weight that was
 * reflected. By the compact form `H_1 ... H_r = I - U T U'` (Schreiber and Van Loan 1989): two thin products.
 *
 * @param rows [..., d]
 * @param units [d, r]
 */
export function reflectBack(rows: Tensor, units: Tensor): Tensor {
  const heights = dot(rows, units, { contract: [[-1], [0]] }); // [..., r]
  const mixed = dot(heights, compactCore(units), { contract: [[-1], [1]] }); // times T'
  return sub(rows, dot(mixed, units, { contract: [[-1], [1]] }));
}

/** T, upper triangular, [r, r]: halves are put together, which loses no digits as an inverse could. */
function compactCore(units: Tensor): Tensor {
  const [, count = 0] = units.shape;
  if (count === 1) return full([1, 1], 2, units.dtype);
  const half = count >> 1;
  const [first, second] = [sliceAxis(units, 1, 0, half), sliceAxis(units, 1, half, count - half)];
  const [upper, lower] = [compactCore(first), compactCore(second)];
  const products = dot(first, second, { contract: [[0], [0]] }); // [half, rest]
  const corner = neg(
    dot(dot(upper, products, { contract: [[1], [0]] }), lower, { contract: [[1], [0]] }),
  );
  const top = concat([upper, corner], 1);
  return concat([top, pad(lower, { low: [0, half] })], 0);
}

/** Rows reflected at a subspace: its directions turn round, what is orthogonal to it stays. Order does not matter. */
export function reflectSubspace(rows: Tensor, basis: Tensor): Tensor {
  const heights = dot(rows, basis, { contract: [[-1], [0]] });
  return add(rows, mul(dot(heights, basis, { contract: [[-1], [1]] }), -2));
}
