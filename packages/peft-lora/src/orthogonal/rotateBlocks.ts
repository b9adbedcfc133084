import { dot, moveAxis, reshape, type Tensor } from '@lorikeet/tensor-core';

/**
 * The product of rows with a block-diagonal matrix.
 *
 * @param x [..., D b]
 * @param blocks [D, b, b], or [1, b, b] for one block in all places.
 * @returns [..., D b]
 */
export function rotateBlocks(x: Tensor, blocks: Tensor): Tensor {
  const [count = 1, side = 1] = blocks.shape;
  const rows = x.shape.slice(0, -1);
  const split = reshape(x, [...rows, (x.shape.at(-1) ?? 1) / side, side]); // [..., D, b]
  if (count === 1) {
    const block = reshape(blocks, [side, side]);
    return reshape(dot(split, block, { contract: [[-1], [0]] }), x.shape);
  }
  const product = dot(split, blocks, { contract: [[-1], [1]], batch: [[-2], [0]] }); // [D, ..., b]
  return reshape(moveAxis(product, 0, -2), x.shape);
}
