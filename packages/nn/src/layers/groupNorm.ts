import { groupNorm, ones, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Site } from '../site.ts';
import { biasOf, materialize, type Weight } from '../weight.ts';

/** Normalisation over groups of channels, with a learned scale and shift of each channel. Wu and He 2018. */
export class GroupNorm {
  /** [C] */
  readonly weight: Weight;
  /** [C] */
  readonly bias: Weight;
  readonly groups: number;
  readonly epsilon: number;

  constructor(weight: Weight, bias: Weight, groups: number, epsilon: number) {
    this.weight = weight;
    this.bias = bias;
    this.groups = groups;
    this.epsilon = epsilon;
  }

  static init(groups: number, channels: number, epsilon: number): GroupNorm {
    return new GroupNorm(ones([channels]), zeros([channels]), groups, epsilon);
  }

  get site(): Site {
    return { field: 'weight', kind: 'norm', inputAxis: 1 };
  }

  /** @param x [B, C, ...] */
  call(x: Tensor): Tensor {
    const { groups, epsilon } = this;
    const bias = biasOf(this.weight, this.bias) ?? materialize(this.bias);
    return groupNorm(x, materialize(this.weight), bias, { groups, epsilon });
  }
}
