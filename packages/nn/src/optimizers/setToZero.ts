import { zeros } from '@lorikeet/tensor-core';
import { type Optimizer, stateless } from './optimizer.ts';

/** Leaves parameters as they are: for a group among `parameterGroups`. Their gradients are then never computed. */
export function setToZero(): Optimizer<null> {
  return stateless(({ shape, dtype }) => zeros(shape, dtype));
}
