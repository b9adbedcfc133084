import { ones, rmsNorm, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Site } from '../site.ts';
import { materialize, type Weight } from '../weight.ts';

/** Division by the root mean square over the last axis, with a learned scale. Zhang and Sennrich 2019. */
export class RMSNorm {
  /** [D] */
  readonly weight: Weight;
  readonly epsilon: number;
  /** What is added to the weight: 1 where weights are near 0, as in Gemma. */
  readonly offset: 0 | 1;

  constructor(weight: Weight, epsilon: number, offset: 0 | 1 = 0) {
    this.weight = weight;
    this.epsilon = epsilon;
    this.offset = offset;
  }

  static init(dimension: number, epsilon: number, offset: 0 | 1 = 0): RMSNorm {
    return new RMSNorm(offset === 0 ? ones([dimension]) : zeros([dimension]), epsilon, offset);
  }

  get site(): Site {
    return { field: 'weight', kind: 'norm', inputAxis: 1 };
  }

  /** @param x [..., D] */
  call(x: Tensor): Tensor {
    const weight = materialize(this.weight);
    return rmsNorm(x, this.offset === 0 ? weight : weight.add(1), this.epsilon);
  }
}
