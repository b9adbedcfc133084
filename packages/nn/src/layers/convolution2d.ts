import type { Tensor } from '@lorikeet/tensor-core';
import { Convolution, type ConvolutionOptions, initialConvolution } from './convolution.ts';

export interface Conv2dOptions extends ConvolutionOptions {
  /** One side, or height and width. */
  readonly kernelSize: number | readonly [height: number, width: number];
}

/** A convolution over height and width, as `torch.nn.Conv2d`: [B, C, height, width]. */
export class Conv2d extends Convolution {
  static init({ kernelSize, ...options }: Conv2dOptions, key: Tensor): Conv2d {
    const kernel = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
    return new Conv2d(...initialConvolution(kernel, options, key));
  }
}
