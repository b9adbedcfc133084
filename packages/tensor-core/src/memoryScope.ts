import { OpenScope } from './openScope.ts';
import { storageOf } from './realize.ts';
import { flattenTree } from './tree.ts';

/** Frees, when it is disposed, the memory of every tensor computed in it and not kept. */
export class MemoryScope extends OpenScope {
  /** Computes the tensors of a tree and leaves them to the scope around this one. Returns the tree. */
  keep<T>(tree: T): T {
    for (const leaf of flattenTree(tree).leaves) this.release(storageOf(leaf));
    return tree;
  }
}

/**
 * Opens a scope. With `using scope = memoryScope()`, the memory of every tensor that is made or computed
 * until the end of the block is freed there, but for what went through `scope.keep`.
 */
export function memoryScope(): MemoryScope {
  return new MemoryScope();
}
