import { foldIn, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { normalInitializer } from '../initialize.ts';
import type { Site } from '../site.ts';
import { biasOf, contract, type Weight } from '../weight.ts';
import type { LinearOptions } from './linear.ts';

/** `x W + b`: the linear layer of GPT-2, which stores its weight the other way round. Named as in transformers. */
export class Conv1D {
  /** [in, out] */
  readonly weight: Weight;
  /** [out] */
  readonly bias: Weight;

  constructor(weight: Weight, bias: Weight) {
    this.weight = weight;
    this.bias = bias;
  }

  static init(
    { inFeatures, outFeatures, initializer = normalInitializer(0.02) }: Omit<LinearOptions, 'bias'>,
    key: Tensor,
  ): Conv1D {
    return new Conv1D(
      initializer(foldIn(key, 'weight'), [inFeatures, outFeatures]),
      zeros([outFeatures]),
    );
  }

  get site(): Site {
    return { field: 'weight', kind: 'linear', inputAxis: 0 };
  }

  /** @param x [..., in]; the result is [..., out] */
  call(x: Tensor, context: Context): Tensor {
    const product = contract(x, this.weight, this.site, context.child('weight'));
    const bias = biasOf(this.weight, this.bias);
    return bias === null ? product : product.add(bias);
  }
}
