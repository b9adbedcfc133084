import { at, nodePaths } from '@lorikeet/nn';
import { childrenOf, isTreeNode, LorikeetError, rebuild } from '@lorikeet/tensor-core';
import { AdaptedWeight } from './adaptedWeight.ts';
import { adapterLayers } from './layers.ts';
import { rewrite } from './rewrite.ts';
import { endsInName } from './target.ts';

/** Parts of a stack of layers, each from `start` up to but without `end`, which follow one another. */
export type LayerRanges = readonly (readonly [start: number, end: number])[];

/** Names of the lists of layers, as PEFT knows them and as GPT-2 has it within another module. */
const lists = ['layers', 'encoder.layer', 'h'] as const;

/** Keys of a model's config that say how many layers it has. */
const counts: readonly string[] = ['num_hidden_layers', 'num_layers', 'n_layer'];

/**
 * A deeper stack of the layers that a model has, as PEFT's `layer_replication`: each place of it is a layer of the model, the
 * very same tensors wherever that stands, so that the depth costs no memory. Adapters on the result are of each place alone;
 * `merge` then gives each adapted place a weight of its own.
 *
 * @throws LorikeetError `no-match` for a model whose layers are not found; `invalid-argument` for ranges that are not in
 *   it; `unsupported` for a model with adapters.
 * @example
 * const deeper = replicateLayers(model, [[0, 8], [4, 12]]); // 16 layers out of 12
 */
export function replicateLayers<T>(model: T, ranges: LayerRanges): T {
  const [adapted] = adapterLayers(model);
  if (adapted !== undefined) {
    throw new LorikeetError('unsupported', 'layers of an adapted model cannot be replicated', {
      path: adapted.path,
      hint: 'replicate them first: then each place gets an adapter of its own',
    });
  }
  const path = listOfLayers(model);
  const list = at(model, path);
  const layers: readonly unknown[] = Array.isArray(list) ? list : [];
  const replicated = ranges.flatMap((range) => {
    const [start, end] = range;
    const isWithin = Number.isInteger(start) && Number.isInteger(end) && start >= 0;
    if (isWithin && start < end && end <= layers.length) return layers.slice(start, end);
    throw new LorikeetError('invalid-argument', 'a range of layers is not in the model', {
      path,
      expected: `[start, end) within [0, ${layers.length})`,
      received: JSON.stringify(range),
    });
  });
  if (replicated.length === 0)
    throw new LorikeetError('invalid-argument', 'no layers are left', { path, received: '[]' });
  const deeper = rewrite(model, new Map([[path, () => replicated]]));
  return recount(deeper, layers.length, replicated.length);
}

/**
 * The model on which an adapter of such layers lies: the given one, if other adapters are on such layers already.
 *
 * @throws LorikeetError as `replicateLayers` does; `unsupported` beside adapters on other layers.
 */
export function replicatedOnce<T>(model: T, ranges: LayerRanges): T {
  const found = adapterLayers(model).flatMap(({ layer }) =>
    layer instanceof AdaptedWeight ? [layer.settings.method.extra.layer_replication] : [],
  );
  const isSame = JSON.stringify(found[0]) === JSON.stringify(ranges);
  return isSame ? model : replicateLayers(model, ranges);
}

/** The outermost list of layers. */
function listOfLayers(model: unknown): string {
  const found = nodePaths(model).filter(
    (path) => lists.some((name) => endsInName(path, name)) && Array.isArray(at(model, path)),
  );
  const outer = found.filter((path) => !found.some((other) => path.startsWith(`${other}.`)));
  const [first, second] = outer;
  if (first !== undefined && second === undefined) return first;
  throw new LorikeetError('no-match', 'which list of layers to replicate is not clear', {
    expected: `one list named ${lists.join(', ')}`,
    received: outer.join(', ') || 'none',
  });
}

/** What configs in the tree say of the number of layers. */
function recount<T>(model: T, before: number, after: number): T;
function recount(model: unknown, before: number, after: number): unknown {
  const visit = (node: unknown, isConfig: boolean): unknown => {
    if (!isTreeNode(node)) return node;
    const children = childrenOf(node);
    const changed = children.map(([name, child]) => {
      const isCount = isConfig && counts.includes(name) && child === before;
      return [name, isCount ? after : visit(child, name === 'config')] as const;
    });
    return changed.every(([, child], i) => child === children[i]?.[1])
      ? node
      : rebuild(node, changed);
  };
  return visit(model, false);
}
