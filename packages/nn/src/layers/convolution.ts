import type { ConvOptions, Tensor } from '@lorikeet/tensor-core';
import { reshape } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import type { Site } from '../site.ts';
import { convolve, materialize, type Weight } from '../weight.ts';

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
    if (this.bias === null) return result;
    const bias = materialize(this.bias);
    return result.add(reshape(bias, [bias.size, ...result.shape.slice(2).map(() => 1)]));
  }
}
