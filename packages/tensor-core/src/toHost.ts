import { realize, storageOf } from './realize.ts';
import { Storage } from './storage.ts';
import { Tensor } from './tensor.ts';
import { flattenTree, unflattenTree } from './tree.ts';

/**
 * A tree with copies of its tensors that stay on the host, and go to a backend when they are used there: they outlive
 * the loss of a device, and can be used on any backend.
 *
 * @throws LorikeetError what went wrong in computing them.
 */
export async function toHost<T>(tree: T): Promise<T> {
  const { leaves, structure } = flattenTree(tree);
  realize(...leaves);
  const copies = await Promise.all(
    leaves.map(async (leaf) => {
      const data = await storageOf(leaf).read();
      return new Tensor(leaf.type, {
        kind: 'storage',
        storage: Storage.ofHost(leaf.type, data.slice()),
      });
    }),
  );
  return unflattenTree(structure, copies) as T;
}
