import { type ConvOptions, foldIn, reshape, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { type Initializer, kaimingUniform } from '../initialize.ts';
import type { Site } from '../site.ts';
import { biasOf, convolve, type Weight } from '../weight.ts';

export interface ConvolutionOptions extends ConvOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Defaults to true. */
  readonly bias?: boolean;
  readonly initializer?: Initializer;
}

/** A convolution over any number of spatial axes, with a bias for each channel. */
export class Convolution {
  /** [O, C / groups, ...kernel] */
  readonly weight: Weight;
  /** [O] */
  readonly bias: Weight | null;
  readonly options: ConvOptions;

  constructor(weight: Weight, bias: Weight | null, options: ConvOptions = {}) {
    this.weight = weight;
    this.bias = bias;
    this.options = options;
  }

  get site(): Site {
    return { field: 'weight', kind: 'conv', inputAxis: 1, groups: this.options.groups ?? 1 };
  }

  /** @param x [B, C, ...spatial]; the result is [B, O, ...spatial] */
  call(x: Tensor, context: Context): Tensor {
    const result = convolve(x, this.weight, this.options, context.child('weight'));
    const bias = biasOf(this.weight, this.bias);
    if (bias === null) return result;
    return result.add(reshape(bias, [bias.size, ...result.shape.slice(2).map(() => 1)]));
  }
}

/** First values of a convolution's weight and bias. */
export function initialConvolution(
  kernel: readonly number[],
  options: ConvolutionOptions,
  key: Tensor,
): readonly [weight: Tensor, bias: Tensor | null, options: ConvOptions] {
  const {
    inChannels,
    outChannels,
    bias = true,
    initializer = kaimingUniform(),
    ...geometry
  } = options;
  const shape = [outChannels, inChannels / (geometry.groups ?? 1), ...kernel];
  return [initializer(foldIn(key, 'weight'), shape), bias ? zeros([outChannels]) : null, geometry];
}
