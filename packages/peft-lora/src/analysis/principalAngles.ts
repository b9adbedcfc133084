import { evaluate, matmul, sub, svd, swapAxes, type Tensor } from '@lorikeet/tensor-core';

/**
 * The principal angles between the spans of two sets of orthonormal columns, by Björck and Golub 1973: small ones from
 * their sines, where cosines have no digits left.
 *
 * @param a [D, i]
 * @param b [D, j]
 * @returns radians, smallest first, as many as the smaller of i and j.
 */
export async function principalAngles(a: Tensor, b: Tensor): Promise<number[]> {
  const [wide, narrow] = (a.shape[1] ?? 0) >= (b.shape[1] ?? 0) ? [a, b] : [b, a];
  const overlap = matmul(swapAxes(wide), narrow);
  const cosines = svd(overlap).s;
  const sines = svd(sub(narrow, matmul(wide, overlap))).s;
  await evaluate([cosines, sines]);
  const apart = [...(await sines.data())].map(Number).reverse();
  return [...(await cosines.data())].map((value, i) => {
    const cosine = Number(value);
    return cosine ** 2 < 0.5 ? Math.acos(cosine) : Math.asin(Math.min(1, apart[i] ?? 0));
  });
}
