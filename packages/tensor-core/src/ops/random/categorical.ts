import { normalizeAxis, type Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { argmax } from '../reduce/argmax.ts';
import { gumbel } from './gumbel.ts';

export interface CategoricalOptions {
  /** The axis of the classes; the last if not given. */
  readonly axis?: number;
  /** Axes in front, along which there are many draws from the same logits. */
  readonly draws?: Shape;
}

/**
 * Classes (i32) drawn with probabilities in proportion to `exp(logits)`, by the largest of logits with Gumbel
 * noise (Maddison et al. 2014). The axis of the classes goes.
 */
export function categorical(key: Tensor, logits: Tensor, options: CategoricalOptions = {}): Tensor {
  const { axis = -1, draws = [] } = options;
  const target = normalizeAxis('categorical', axis, logits.rank);
  const noise = gumbel(key, [...draws, ...logits.shape]);
  return argmax(add(noise, logits), draws.length + target);
}
