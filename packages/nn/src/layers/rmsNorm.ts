import { ones, rmsNorm, type Tensor } from '@lorikeet/tensor-core';
import type { Site } from '../site.ts';
import { materialize, type Weight } from '../weight.ts';

/** Division by the root mean square over the last axis, with a learned scale. Zhang and Sennrich 2019. */
export class RMSNorm {
  /** [D] */
  readonly weight: Weight;
  readonly epsilon: number;

  constructor(weight: Weight, epsilon: number) {
    this.weight = weight;
    this.epsilon = epsilon;
  }

  static init(dimension: number, epsilon: number): RMSNorm {
    return new RMSNorm(ones([dimension]), epsilon);
  }

  get site(): Site {
    return { field: 'weight', kind: 'norm', inputAxis: 1 };
  }

  /** @param x [..., D] */
  call(x: Tensor): Tensor {
    return rmsNorm(x, materialize(this.weight), this.epsilon);
  }
}
