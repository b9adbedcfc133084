import { LorikeetError, permute, reshape, type Tensor } from '@lorikeet/tensor-core';

/** [B, T, D] to [B, H, T, D / H]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch = 0, time = 0, width = 0] = x.shape;
  if (x.rank !== 3 || width % heads !== 0) {
    throw new LorikeetError(
      'shape-mismatch',
      `splitHeads: ${x} cannot be split into ${heads} heads`,
      {
        expected: '[B, T, D] with D a multiple of the number of heads',
        received: x.toString(),
      },
    );
  }
  return permute(reshape(x, [batch, time, heads, width / heads]), [0, 2, 1, 3]);
}

/** [B, H, T, K] to [B, T, H * K]. */
export function mergeHeads(x: Tensor): Tensor {
  const [batch = 0, heads = 0, time = 0, size = 0] = x.shape;
  return reshape(permute(x, [0, 2, 1, 3]), [batch, time, heads * size]);
}
