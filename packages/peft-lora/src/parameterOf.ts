import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Tensors } from './variant.ts';

/** A parameter of an adapter by its name. Throws `internal` if the adapter has none. */
export function parameterOf(parameters: Tensors, name: string): Tensor {
  const found = parameters[name];
  if (found === undefined)
    throw new LorikeetError('internal', `the adapter has no parameter ${name}`);
  return found;
}
