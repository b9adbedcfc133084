import type { Shared } from '@lorikeet/nn';
import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';

/** What `share` made under a name. */
export function sharedPart(
  shared: Readonly<Record<string, Shared<Tensor>>>,
  name: string,
): Shared<Tensor> {
  const part = shared[name];
  if (part !== undefined) return part;
  throw new LorikeetError('internal', `nothing is shared under the name '${name}'`);
}
