import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { elu } from './elu.ts';

const scale = 1.0507009873554805;
const alpha = 1.6732632423543772;

/** `elu` with the scale and the slope that keep mean 0 and variance 1 from layer to layer (Klambauer et al. 2017). Elementwise. */
export function selu(x: Tensor): Tensor {
  return mul(elu(x, alpha), scale);
}
