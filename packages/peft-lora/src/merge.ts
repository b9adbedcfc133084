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
import { adaptBiases } from './adaptBiases.ts';
import { adapterLayers, mapAdapted } from './layers.ts';
import { moduleAdapters } from './modules/moduleAdapter.ts';

export interface MergeOptions {
  /** Refuses a merged weight that is not finite. Needs to read the result, so that the call returns a promise. */
  readonly safe?: boolean;
}

/**
 * Works all adapters into the weights.
 *
 * @returns a model of the structure of the one before `adapt`, with nothing left of the adapters; what was
 *   not adapted is the same tensor as before. A weight that was adapted on a quantised base is a plain tensor.
 * @throws LorikeetError `unsupported` for a method that changes no weight; `not-finite` in safe mode, naming each weight;
 *   the adapted model is left as it was.
 */
export function merge<T>(tuned: T): T;
export function merge<T>(tuned: T, options: MergeOptions & { readonly safe: true }): Promise<T>;
export function merge<T>(tuned: T, options: MergeOptions = {}): T | Promise<T> {
  const [module] = moduleAdapters(tuned);
  if (module !== undefined) {
    const { variant } = module.adapter.settings;
    throw new LorikeetError(
      'unsupported',
      `${variant.name} changes no weight, and cannot be merged`,
      {
        path: module.path,
        hint: `take it away with disable(tuned, '${module.adapter.name}'), or keep it beside the model`,
      },
    );
  }
  const biases = new Map<string, Tensor>();
  const shifted = adaptBiases(tuned, (path, bias) => biases.set(path, bias));
  const weights: Tensor[] = [];
  const plain = mapAdapted(shifted, (layer) => {
    const weight = materialize(layer);
    weights.push(weight);
    return weight;
  });
  const names = [...new Set(adapterLayers(shifted).map(({ path }) => path))];
  const merged = new Map([
    ...weights.map((weight, i) => [names[i] ?? '', weight] as const),
    ...biases,
  ]);
  if (options.safe === true) return requireFinite(merged).then(() => plain);
  realize(...merged.values());
  return plain;
}

async function requireFinite(merged: ReadonlyMap<string, Tensor>): Promise<void> {
  const faults = [...merged].map(
    ([path, weight]) => [path, sum(cast(logicalNot(isFiniteElement(weight)), 'i32'))] as const,
  );
  await evaluate([...merged.values(), ...faults.map(([, count]) => count)]);
  const counts = await Promise.all(
    faults.map(async ([path, count]) => [path, await count.item()] as const),
  );
  const bad = counts.flatMap(([path, count]) =>
    count === 0 ? [] : [`${path} (${count} elements)`],
  );
  if (bad.length === 0) return;
  throw new LorikeetError('not-finite', 'merging gives weights that are not finite', {
    path: bad.join(', '),
    expected: 'finite numbers',
    received: 'NaN or infinity',
    hint: 'the adapter is broken or the base is: look at its training loss; nothing was changed',
  });
}
