import { isAdaptable, isReparam, nearestOf, type Weight } from '@lorikeet/nn';
import {
  childrenOf,
  isTreeNode,
  LorikeetError,
  rebuild,
  Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { changesBias } from '../adaptBiases.ts';
import { disable } from '../compose.ts';
import { adapterNames, isAdapterLayer, mapAdapted } from '../layers.ts';
import { refuseInvocations } from '../routing/invocation.ts';
import { type Callable, isCallable, RowwiseModule } from './rowwiseModule.ts';
import { type NumberedLayers, RowwiseWeight } from './rowwiseWeight.ts';

/**
 * The adapter of each row of a batch, as `mixBatch` takes it in a compiled function: 0 is the base, and i the i-th of
 * `adapterNames(tuned)`.
 *
 * @param names of adapters; `null` is the base alone.
 * @returns i32[B]
 * @throws LorikeetError `no-match` for a name that is not there.
 */
export function adapterRows(tuned: unknown, names: readonly (string | null)[]): Tensor {
  const known = adapterNames(tuned);
  const numbers = names.map((name) => {
    const number = name === null ? 0 : known.indexOf(name) + 1;
    if (name === null || number > 0) return number;
    throw new LorikeetError('no-match', `the model has no adapter '${name}'`, {
      expected: `null, ${known.join(', ')}`,
      received: name,
      hint: nearestOf(name, known),
    });
  });
  return tensor(numbers, [numbers.length], 'i32');
}

/**
 * A model each row of whose batch is computed with an adapter of its own, or with none, in one pass: what each adapter
 * alone would give, for one batch of many tenants or of many tasks that train together. Low-rank adapters, of any ranks,
 * are gathered by row, and rows of the base are exactly its own; of other methods each adapter's whole product is
 * computed and rows are taken.
 *
 * Call it within what is compiled: other rows of the same number, and other values of the adapters, then run the same plan.
 *
 * @param rows a name for each row, `null` for the base; or i32[B] from `adapterRows`.
 * @returns a model for that batch. It cannot be merged or saved, the given one can.
 * @throws LorikeetError `no-match` for a name that is not there; `shape-mismatch`, when it is called, for a module whose
 *   input has no such rows.
 * @example
 * const step = compile((model: Model, rows: Tensor, ids: Tensor) => mixBatch(model, rows).call(ids));
 * step(tuned, adapterRows(tuned, ['red', null, 'blue']), ids);
 */
export function mixBatch<T>(tuned: T, rows: Tensor | readonly (string | null)[]): T;
export function mixBatch(tuned: unknown, rows: Tensor | readonly (string | null)[]): unknown {
  refuseInvocations(tuned, 'a batch of many adapters');
  const names = adapterNames(tuned);
  const numbers = rows instanceof Tensor ? rows : adapterRows(tuned, rows);
  const walk = (node: unknown, path: readonly string[]): unknown => {
    if (!isTreeNode(node) || isReparam(node)) return node;
    const children = childrenOf(node);
    const adapted = children.filter(([, child]) => isAdapterLayer(child));
    if (adapted.length === 0) {
      const mapped = children.map(([name, child]) => [name, walk(child, [...path, name])] as const);
      return mapped.every(([, child], i) => child === children[i]?.[1])
        ? node
        : rebuild(node, mapped);
    }
    const field = weightField(node, adapted);
    if (field === undefined) return wholeModule(node, names, numbers, path);
    return rebuild(
      node,
      children.map(([name, child]) =>
        name === field && isAdapterLayer(child) && isAdaptable(node)
          ? [name, new RowwiseWeight(rootOf(child), layersOf(child, names), numbers, node.site)]
          : [name, child],
      ),
    );
  };
  return walk(tuned, []);
}

/** The field of the one weight that is adapted, if what adapts it shows in its products alone. */
function weightField(
  node: unknown,
  adapted: readonly (readonly [name: string, child: unknown])[],
): string | undefined {
  const [only, ...others] = adapted;
  if (only === undefined || others.length > 0 || !isAdaptable(node)) return undefined;
  const { field, kind } = node.site;
  return only[0] === field && kind !== 'norm' && !changesBias(only[1]) ? field : undefined;
}

function wholeModule(
  node: object,
  names: readonly string[],
  rows: Tensor,
  path: readonly string[],
): RowwiseModule {
  const own = adapterNames(node);
  const forms = names.flatMap((name, i) =>
    own.includes(name) ? [[i + 1, callable(keepOnly(node, name), path)] as const] : [],
  );
  return new RowwiseModule(callable(disable(node), path), forms, rows);
}

function callable(node: unknown, path: readonly string[]): Callable {
  if (isCallable(node)) return node;
  throw new LorikeetError('unsupported', 'tensors that are in no module cannot differ by row', {
    path: path.join('.'),
  });
}

/** A part of a model with one of its adapters, or with those that it has of that name. */
function keepOnly<T>(node: T, name: string): T {
  const keep = (weight: Weight): Weight => {
    if (!isAdapterLayer(weight)) return weight;
    const base = keep(weight.base);
    return weight.name === name ? weight.with({ base }) : base;
  };
  return mapAdapted(node, keep);
}

function rootOf(weight: Weight): Weight {
  return isAdapterLayer(weight) ? rootOf(weight.base) : weight;
}

/** The adapters of a weight, each on the base itself. */
function layersOf(weight: Weight, names: readonly string[]): NumberedLayers {
  if (!isAdapterLayer(weight)) return [];
  const own = weight.with({ base: rootOf(weight) });
  return [...layersOf(weight.base, names), [names.indexOf(weight.name) + 1, own]];
}
