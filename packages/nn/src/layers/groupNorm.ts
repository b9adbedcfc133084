import { groupNorm, ones, type Tensor, zeros } from '@lorikeet/tensor-core';
import { materialize, type Weight } from '../weight.ts';

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

  /** @param x [B, C, ...] */
  call(x: Tensor): Tensor {
    const { groups, epsilon } = this;
    return groupNorm(x, materialize(this.weight), materialize(this.bias), { groups, epsilon });
  }
}
