import { combine, mapTree, partition } from '@lorikeet/nn';
import { isTrainable, merge } from '@lorikeet/peft-lora';
import { zeros } from '@lorikeet/tensor-core';

/** What PEFT leaves of the base under an adapter that takes a part out: the model with nothing in the place of what trains. */
export function residualModel<T>(tuned: T): T {
  const [trainable, frozen] = partition(tuned, isTrainable);
  return merge(
    combine(
      mapTree(trainable, ({ shape, dtype }) => zeros(shape, dtype)),
      frozen,
    ),
  );
}
