import { layerNorm, ones, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Site } from '../site.ts';
import { biasOf, materialize, type Weight } from '../weight.ts';

/** Layer normalisation over the last axis, with a learned scale, and a shift unless there is none. */
export class LayerNorm {
  /** [D] */
  readonly weight: Weight;
  /** [D] */
  readonly bias: Weight | null;
  readonly epsilon: number;

  constructor(weight: Weight, bias: Weight | null, epsilon: number) {
    this.weight = weight;
    this.bias = bias;
    this.epsilon = epsilon;
  }

  static init(dimension: number, epsilon: number, bias = true): LayerNorm {
    return new LayerNorm(ones([dimension]), bias ? zeros([dimension]) : null, epsilon);
  }

  get site(): Site {
    return { field: 'weight', kind: 'norm', inputAxis: 1 };
  }

  /** @param x [..., D] */
  call(x: Tensor): Tensor {
    const weight = materialize(this.weight);
    const bias = biasOf(this.weight, this.bias) ?? zeros(weight.shape, weight.dtype);
    return layerNorm(x, weight, bias, this.epsilon);
  }
}
