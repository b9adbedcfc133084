import { normal, type Shape, type Tensor, uniform } from '@lorikeet/tensor-core';

/** Makes the values of a new weight from a key; f32. */
export type Initializer = (key: Tensor, shape: Shape) => Tensor;

/** Normally distributed with mean 0, as BERT and GPT-2 start (deviation 0.02). */
export function normalInitializer(deviation: number): Initializer {
  return (key, shape) => normal(key, shape, 0, deviation);
}

/**
 * Evenly spread with a bound that keeps the variance of activations: `sqrt(6 / ((1 + slope^2) * fanIn))`,
 * where fanIn is the product of all sides but the first. He et al. 2015; `slope` is sqrt(5) in PyTorch's
 * linear layer and in PEFT's `lora_A`, which makes the bound 1 / sqrt(fanIn).
 */
export function kaimingUniform(slope: number = Math.sqrt(5)): Initializer {
  return (key, shape) => {
    const fanIn = shape.slice(1).reduce((product, side) => product * side, 1);
    const bound = Math.sqrt(6 / ((1 + slope * slope) * fanIn));
    return uniform(key, shape, -bound, bound);
  };
}

/** Evenly spread with variance 2 / (fanIn + fanOut), for a matrix. Glorot and Bengio 2010. */
export function xavierUniform(): Initializer {
  return (key, shape) => {
    const [fanOut = 1, fanIn = 1] = shape;
    const bound = Math.sqrt(6 / (fanIn + fanOut));
    return uniform(key, shape, -bound, bound);
  };
}
