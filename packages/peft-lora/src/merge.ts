import { paths, type Weight } from '@lorikeet/nn';
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
import { type AdapterLayer, adapterLayers, mapAdapted } from './layers.ts';
import { errorBound } from './merging/errorBound.ts';
import {
  exactWeight,
  type MergedWeight,
  type MergeForm,
  mergedWeight,
} from './merging/mergedWeight.ts';
import { type MergeEvidence, type MergeReport, mergeReport } from './merging/mergeReport.ts';
import { moduleAdapters } from './modules/moduleAdapter.ts';
import { refuseInvocations } from './routing/invocation.ts';

export interface MergeOptions extends MergeForm {
  /** Refuses a merged weight that is not finite. Needs to read the result, so that the call returns a promise. */
  readonly safe?: boolean;
  /** Tells how far each merged weight is from what its adapters mean, computed in f64. Returns a promise, too. */
  readonly report?: boolean;
}

/** A merged model with evidence. */
export interface Merged<T> {
  readonly model: T;
  readonly report: MergeReport;
}

/**
 * Works all adapters into the weights. Half floats are computed in f32 and rounded once.
 *
 * @param options `dtype`: of the merged weights, that of each base if not given. `quantised`: `requantise` stores a
 *   weight that was adapted on a quantised base as the base is, with an error that the report bounds; without it, such a
 *   weight is a plain tensor.
 * @returns a model of the structure of the one before `adapt`, with nothing left of the adapters; what was
 *   not adapted is the same tensor as before. With `report`, also how far each weight is off, and how far it may be.
 * @throws LorikeetError `unsupported` for a method that changes no weight, and for adapters that act from some tokens on; `not-finite` in safe mode, naming each weight;
 *   the adapted model is left as it was.
 * @example
 * const { model, report } = await merge(tuned, { dtype: 'f16', safe: true, report: true });
 * console.log(String(report));
 */
export function merge<T>(tuned: T, options?: MergeForm): T;
export function merge<T>(
  tuned: T,
  options: MergeOptions & { readonly report: true },
): Promise<Merged<T>>;
export function merge<T>(tuned: T, options: MergeOptions & { readonly safe: true }): Promise<T>;
export function merge<T>(tuned: T, options: MergeOptions = {}): T | Promise<T | Merged<T>> {
  requireMergeable(tuned);
  const merged = new Map<string, Tensor>();
  const evidence: MergeEvidence[] = [];
  const shifted = adaptBiases(tuned, (path, bias) => merged.set(path, bias));
  const places = new Map(adapterLayers(shifted).map(({ path, layer }) => [layer, path] as const));
  const weights: Weight[] = [];
  const plain = mapAdapted(shifted, (layer) => {
    const found = mergedWeight(layer, options);
    const path = places.get(layer) ?? '';
    merged.set(path, found.value);
    weights.push(found.weight);
    if (options.report === true) evidence.push(evidenceOf(path, layer, found));
    return found.weight;
  });
  const checked = options.safe === true ? requireFinite(merged) : Promise.resolve();
  if (options.report === true)
    return checked.then(async () => ({ model: plain, report: await mergeReport(evidence) }));
  if (options.safe === true) return checked.then(() => plain);
  realize(...merged.values(), ...paths(weights).map(([, leaf]) => leaf));
  return plain;
}

function evidenceOf(path: string, layer: AdapterLayer, found: MergedWeight): MergeEvidence {
  const exact = exactWeight(layer);
  const bound = errorBound(layer, exact, found);
  return { path, value: found.value, isQuantised: found.stored !== undefined, exact, bound };
}

function requireMergeable(tuned: unknown): void {
  refuseInvocations(tuned, 'a merged weight');
  const [module] = moduleAdapters(tuned);
  if (module === undefined) return;
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
