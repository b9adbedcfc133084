import type { Tensor } from '@lorikeet/tensor-core';
import { Convolution, type ConvolutionOptions, initialConvolution } from './convolution.ts';

export interface Conv1dOptions extends ConvolutionOptions {
  readonly kernelSize: number;
}

/** A convolution over one axis, as `torch.nn.Conv1d`: [B, C, T]. Not GPT-2's `Conv1D`, which is a linear layer. */
export class Conv1d extends Convolution {
  static init({ kernelSize, ...options }: Conv1dOptions, key: Tensor): Conv1d {
    return new Conv1d(...initialConvolution([kernelSize], options, key));
  }
}
