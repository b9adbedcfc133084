import { expandDims, foldIn, reshape, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { type Initializer, kaimingUniform } from '../initialize.ts';
import type { Site } from '../site.ts';
import { biasOf, contractExperts, type Weight } from '../weight.ts';

export interface ExpertLinearOptions {
  /** E */
  readonly experts: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Defaults to false. */
  readonly bias?: boolean;
  readonly initializer?: Initializer;
}

/** A linear layer for each expert of a mixture, with one weight for all, as the parameters of Hugging Face's `experts`. */
export class ExpertLinear {
  /** [E, out, in], or [E, in, out] with `inputAxis` 0 */
  readonly weight: Weight;
  /** [E, out] */
  readonly bias: Weight | null;
  /** Which of the last two axes meets the input. */
  readonly inputAxis: 0 | 1;

  constructor(weight: Weight, bias: Weight | null = null, inputAxis: 0 | 1 = 1) {
    this.weight = weight;
    this.bias = bias;
    this.inputAxis = inputAxis;
  }

  static init(
    {
      experts,
      inFeatures,
      outFeatures,
      bias = false,
      initializer = kaimingUniform(),
    }: ExpertLinearOptions,
    key: Tensor,
  ): ExpertLinear {
    // As one layer with the outputs of all: each is drawn by the number of its inputs.
    const rows = initializer(foldIn(key, 'weight'), [experts * outFeatures, inFeatures]);
    const weight = reshape(rows, [experts, outFeatures, inFeatures]);
    return new ExpertLinear(weight, bias ? zeros([experts, outFeatures]) : null);
  }

  get site(): Site {
    return { field: 'weight', kind: 'experts', inputAxis: this.inputAxis };
  }

  /** @param x [E, N, in]: what each expert is given. @returns [E, N, out] */
  call(x: Tensor, context: Context): Tensor {
    const product = contractExperts(x, this.weight, this.site, context.child('weight'));
    const bias = biasOf(this.weight, this.bias);
    return bias === null ? product : product.add(expandDims(bias, 1));
  }
}
