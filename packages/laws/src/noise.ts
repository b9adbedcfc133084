import { type Shape, sizeOf, type Tensor, tensor } from '@lorikeet/tensor-core';

/**
 * `length` numbers of a size from 0.5 to 1.5 and of either sign, the same for the same seed (mulberry32,
 * T. Ettinger 2017). Weights and directions for laws: none is small, so that no part of a result is hidden.
 */
export function noise(seed: number, length: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    const unit = ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
    return unit < 0.5 ? unit * 2 - 1.5 : unit * 2 - 0.5;
  });
}

/** A tensor of `noise`, f64. */
export function noiseTensor(shape: Shape, seed: number): Tensor {
  return tensor(Float64Array.from(noise(seed, sizeOf(shape))), shape, 'f64');
}
