import type { Tensor } from '@lorikeet/tensor-core';
import type { InitArguments } from '../variant.ts';
import { type DivisionConfig, type Subspaces, sidesOf, subspacesOf } from './subspaces.ts';

/** By the key of the place, so that first values and what does not train are computed once. */
const divisions = new WeakMap<Tensor, Subspaces>();

/** How the weight of a place is divided, to be recorded. */
export function divided({
  config,
  shape,
  key,
  compat,
  ...weights
}: InitArguments<DivisionConfig>): Subspaces {
  const known = divisions.get(key);
  if (known !== undefined) return known;
  // In PEFT the weight under all adapters, where there are several.
  const isRoot = compat === 'peft';
  const weight = isRoot ? weights.root() : weights.base();
  const bias = isRoot ? weights.rootBias() : weights.bias();
  const found = subspacesOf(weight, bias, config, sidesOf(config, shape));
  divisions.set(key, found);
  return found;
}
