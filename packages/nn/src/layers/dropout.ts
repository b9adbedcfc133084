import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';

/** Sets elements to 0 at `rate` in training, and scales the others up; does nothing in evaluation. */
export class Dropout {
  readonly rate: number;

  constructor(rate: number) {
    if (!(rate >= 0 && rate < 1)) {
      throw new LorikeetError('invalid-argument', `Dropout: ${rate} is no rate`, {
        expected: '0 <= rate < 1',
        received: String(rate),
      });
    }
    this.rate = rate;
  }

  call(x: Tensor, context: Context): Tensor {
    return context.dropout(x, this.rate);
  }
}
