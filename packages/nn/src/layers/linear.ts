import { foldIn, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { type Initializer, kaimingUniform } from '../initialize.ts';
import type { Site } from '../site.ts';
import { biasOf, contract, type Weight } from '../weight.ts';

export interface LinearOptions {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Defaults to true. */
  readonly bias?: boolean;
  readonly initializer?: Initializer;
}

/** `x W^T + b`. */
export class Linear {
  /** [out, in] */
  readonly weight: Weight;
  /** [out] */
  readonly bias: Weight | null;

  constructor(weight: Weight, bias: Weight | null) {
    this.weight = weight;
    this.bias = bias;
  }

  static init(
    { inFeatures, outFeatures, bias = true, initializer = kaimingUniform() }: LinearOptions,
    key: Tensor,
  ): Linear {
    return new Linear(
      initializer(foldIn(key, 'weight'), [outFeatures, inFeatures]),
      bias ? zeros([outFeatures]) : null,
    );
  }

  get site(): Site {
    return { field: 'weight', kind: 'linear', inputAxis: 1 };
  }

  /** @param x [..., in]; the result is [..., out] */
  call(x: Tensor, context: Context): Tensor {
    const product = contract(x, this.weight, this.site, context.child('weight'));
    const bias = biasOf(this.weight, this.bias);
    return bias === null ? product : product.add(bias);
  }
}
