import { LorikeetError } from '../../errors.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { less } from '../binary/less.ts';
import { uniform } from './uniform.ts';

/** True with the given probability, else false; a bool tensor. */
export function bernoulli(key: Tensor, shape: Shape, probability: number): Tensor {
  if (!(probability >= 0 && probability <= 1)) {
    throw new LorikeetError('invalid-argument', `bernoulli: ${probability} is no probability`, {
      expected: '0 to 1',
      received: String(probability),
    });
  }
  return less(uniform(key, shape), probability);
}
