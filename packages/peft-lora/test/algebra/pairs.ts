import type { LowRank } from '@lorikeet/peft-lora';
import { foldIn, inv, matmul, normal, randomKey, type Tensor } from '@lorikeet/tensor-core';

/** A pair of noise in f64. */
export function noisePair(seed: number, out = 7, inputs = 9, rank = 3, scale = 0.7): LowRank {
  const key = randomKey(seed);
  return {
    left: normal(foldIn(key, 'left'), [out, rank]).cast('f64'),
    right: normal(foldIn(key, 'right'), [rank, inputs]).cast('f64'),
    scale,
  };
}

/** The same product from other factors: `B G` and `G^-1 A`. */
export function otherwiseWritten({ left, right, scale }: LowRank, seed = 31): LowRank {
  const [, rank = 0] = left.shape;
  const turn = normal(randomKey(seed), [rank, rank]).cast('f64');
  return { left: matmul(left, turn), right: matmul(inv(turn), right), scale };
}

export function sumOfSquares(x: Tensor): Promise<number> {
  return x.mul(x).sum().item();
}
