import { reshape, swapAxes, type Tensor } from '@lorikeet/tensor-core';
import { rotateBlocks } from './rotateBlocks.ts';

/**
 * The product of rows with a butterfly of orthogonal factors, the last factor's first. Factor i rotates in blocks that
 * take half of their features from each of two halves of 2^i neighbouring blocks; the first of them in blocks as they lie.
 *
 * @param x [..., D b]
 * @param factors of D blocks [D, b, b] each.
 */
export function butterfly(x: Tensor, factors: readonly Tensor[]): Tensor {
  return factors.reduceRight((rows, blocks, i) => spread(rows, blocks, i), x);
}

/** The same with every factor transposed and the first factor's first. */
export function butterflyBack(x: Tensor, transposed: readonly Tensor[]): Tensor {
  return transposed.reduce((rows, blocks, i) => spread(rows, blocks, i), x);
}

/** One factor: the features of its blocks are brought together, rotated and put back. */
function spread(x: Tensor, blocks: Tensor, level: number): Tensor {
  const [count = 1, side = 1] = blocks.shape;
  const rows = x.shape.slice(0, -1);
  const places = 2 ** level;
  // Half q of some neighbouring blocks, place p in it, feature c of half a block: the block of p takes both halves.
  const byHalf = [...rows, count / places, 2, places, side / 2];
  const byPlace = [...rows, count / places, places, 2, side / 2];
  const exchange = (from: Tensor, sides: readonly number[]): Tensor =>
    level === 0 ? from : reshape(swapAxes(reshape(from, sides), -3, -2), x.shape);
  return exchange(rotateBlocks(exchange(x, byHalf), blocks), byPlace);
}
