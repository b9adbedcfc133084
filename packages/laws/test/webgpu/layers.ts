import { Context, Conv2d, LayerNorm, Linear, MLP, paths } from '@lorikeet/nn';
import {
  grad,
  normal,
  ones,
  randomKey,
  type Tensor,
  type TypedArray,
  zeros,
} from '@lorikeet/tensor-core';

interface Layer {
  readonly call: (x: Tensor, context: Context) => Tensor;
}

/** Each with the shape of an input. */
const made: Readonly<Record<string, () => readonly [Layer, readonly number[]]>> = {
  Linear: () => [Linear.init({ inFeatures: 24, outFeatures: 40 }, randomKey(1)), [3, 5, 24]],
  LayerNorm: () => [new LayerNorm(ones([48]), zeros([48]), 1e-5), [6, 48]],
  MLP: () => [
    MLP.init(
      { inFeatures: 8, hiddenFeatures: 32, outFeatures: 4, activation: 'gelu' },
      randomKey(2),
    ),
    [7, 8],
  ],
  Conv2d: () => [
    Conv2d.init({ inChannels: 3, outChannels: 4, kernelSize: 3, padding: 1 }, randomKey(3)),
    [2, 3, 8, 8],
  ],
};

/** The output of each layer, and the derivatives by its input and its weights. */
export async function layers(): Promise<ReadonlyMap<string, TypedArray>> {
  const results = new Map<string, TypedArray>();
  for (const [name, make] of Object.entries(made)) {
    const [layer, shape] = make();
    const x = normal(randomKey(4), shape);
    const slopes = grad((by: { readonly layer: Layer; readonly x: Tensor }) =>
      by.layer.call(by.x, Context.evaluation).pow(2).mean(),
    )({ layer, x });
    results.set(name, await layer.call(x, Context.evaluation).data());
    for (const [path, slope] of paths(slopes)) results.set(`${name}: ${path}`, await slope.data());
  }
  return results;
}
