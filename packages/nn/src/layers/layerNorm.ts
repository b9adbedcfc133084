import { layerNorm, ones, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Site } from '../site.ts';
import { biasOf, materialize, type Weight } from '../weight.ts';

/** Layer normalisation over the last axis, with a learned scale and shift. */
export class LayerNorm {
  /** [D] */
  readonly weight: Weight;
  /** [D] */
  readonly bias: Weight;
  readonly epsilon: number;

  constructor(weight: Weight, bias: Weight, epsilon: number) {
    this.weight = weight;
    this.bias = bias;
    this.epsilon = epsilon;
  }

  static init(dimension: number, epsilon: number): LayerNorm {
    return new LayerNorm(ones([dimension]), zeros([dimension]), epsilon);
  }

  get site(): Site {
    return { field: 'weight', kind: 'norm', inputAxis: 1 };
  }

  /** @param x [..., D] */
  call(x: Tensor): Tensor {
    const bias = biasOf(this.weight, this.bias) ?? materialize(this.bias);
    return layerNorm(x, materialize(this.weight), bias, this.epsilon);
  }
}
