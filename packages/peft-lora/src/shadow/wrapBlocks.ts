import { childrenOf, isTreeNode, LorikeetError, rebuild } from '@lorikeet/tensor-core';
import { rewrite } from '../rewrite.ts';

/** Calls a block as it is. */
export type BlockCall = (...inputs: readonly unknown[]) => unknown;

/**
 * A model whose blocks are called by `call`, for one call of it: the blocks and the model stay what they are.
 *
 * @param places paths of the blocks.
 * @param call is given the number of the block among them, what calls it as it is, and its inputs.
 */
export function wrapBlocks(
  model: object,
  places: readonly string[],
  call: (index: number, block: BlockCall, inputs: readonly unknown[]) => unknown,
): object {
  const plan = new Map(
    places.map((path, index) => {
      const wrap = (block: unknown): unknown =>
        wrapped(block, (own, inputs) => call(index, own, inputs));
      return [path, wrap] as const;
    }),
  );
  return rewrite(model, plan);
}

function wrapped(
  block: unknown,
  call: (own: BlockCall, inputs: readonly unknown[]) => unknown,
): unknown {
  const own: unknown = Reflect.get(Object(block), 'call');
  if (!isTreeNode(block) || Array.isArray(block) || typeof own !== 'function')
    throw new LorikeetError('internal', 'a block is a module');
  const around = Object.create(Object.getPrototypeOf(block), {
    call: {
      value: (...inputs: readonly unknown[]): unknown =>
        call((...given) => Reflect.apply(own, block, given), inputs),
    },
  });
  return rebuild(Object.create(around), childrenOf(block));
}
