import { materialize } from '@lorikeet/nn';
import {
  cast,
  evaluate,
  isFinite as isFiniteElement,
  LorikeetError,
  logicalNot,
  realize,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';
import { adapterLayers, mapAdapted } from './layers.ts';

export interface MergeOptions {
  /** Refuses a merged weight that is not finite. Needs to read the result, so that the call returns a promise. */
  readonly safe?: boolean;
}

/**
 * Works all adapters into the weights.
 *
 * @returns a model of the structure of the one before `adapt`, with nothing left of the adapters; what was
 *   not adapted is the same tensor as before. A weight that was adapted on a quantised base is a plain tensor.
 * @throws LorikeetError `not-finite` in safe mode, naming each weight; the adapted model is left as it was.
 */
export function merge<T>(tuned: T): T;
export function merge<T>(tuned: T, options: MergeOptions & { readonly safe: true }): Promise<T>;
export function merge<T>(tuned: T, options: MergeOptions = {}): T | Promise<T> {
  const merged: Tensor[] = [];
  const plain = mapAdapted(tuned, (layer) => {
    const weight = materialize(layer);
    merged.push(weight);
    return weight;
  });
  if (options.safe === true) return requireFinite(tuned, merged).then(() => plain);
  realize(...merged);
  return plain;
}

async function requireFinite(tuned: unknown, merged: readonly Tensor[]): Promise<void> {
  const faults = merged.map((weight) => sum(cast(logicalNot(isFiniteElement(weight)), 'i32')));
  await evaluate([...merged, ...faults]);
  const paths = [...new Set(adapterLayers(tuned).map(({ path }) => path))];
  const counts = await Promise.all(faults.map((count) => count.item()));
  const bad = counts.flatMap((count, i) =>
    count === 0 ? [] : [`${paths[i]} (${count} elements)`],
  );
  if (bad.length === 0) return;
  throw new LorikeetError('not-finite', 'merging gives weights that are not finite', {
    path: bad.join(', '),
    expected: 'finite numbers',
    received: 'NaN or infinity',
    hint: 'the adapter is broken or the base is: look at its training loss; nothing was changed',
  });
}
