import type { Weight } from '@lorikeet/nn';
import { nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { type AdapterLayer, adapterNames, isAdapterLayer, mapAdapted } from './layers.ts';
import { keepModuleAdapters, moduleAdapters } from './modules/moduleAdapter.ts';
import { TrainedWeight } from './trainedWeight.ts';

/**
 * The model without its adapters, or without the one of the given name: the very tensors of the model that
 * was adapted.
 *
 * @throws LorikeetError `no-match` if there is no adapter of that name.
 */
export function disable<T>(tuned: T, name?: string): T {
  if (name !== undefined) requireAdapter(tuned, name);
  const strip = (weight: Weight): Weight => {
    if (!isAdapterLayer(weight)) return weight;
    const base = strip(weight.base);
    return name === undefined || weight.name === name
      ? base
      : base === weight.base
        ? weight
        : weight.with({ base });
  };
  const modules = keepModuleAdapters(tuned, (own) => name !== undefined && own.name !== name);
  return mapAdapted(modules, strip);
}

/**
 * The same adapters with other shares: at 0 an adapter does nothing, at 1 it acts as trained. A mixed weight
 * is the base plus each share of each adapter's change.
 *
 * @throws LorikeetError `no-match` for a name that is not there, `unsupported` for a share of an adapter that
 *   trains whole modules or changes no weight, which cannot be mixed.
 */
export function setAdapterWeights<T>(tuned: T, weights: Readonly<Record<string, number>>): T {
  for (const name of Object.keys(weights)) requireAdapter(tuned, name);
  for (const { path, adapter } of moduleAdapters(tuned)) {
    if ((weights[adapter.name] ?? 1) === 1) continue;
    throw new LorikeetError(
      'unsupported',
      `the adapter '${adapter.name}' changes no weight, and has no share`,
      { path, hint: 'give it the weight 1, or take the adapter away with disable' },
    );
  }
  const change = (layer: AdapterLayer): AdapterLayer => {
    const base = isAdapterLayer(layer.base) ? change(layer.base) : layer.base;
    const mix = weights[layer.name];
    if (mix === undefined) return layer.with({ base });
    if (!(layer instanceof TrainedWeight)) return layer.with({ base, mix });
    if (mix === 1) return layer.with({ base });
    throw new LorikeetError(
      'unsupported',
      `the adapter '${layer.name}' trains a whole tensor, which has no share`,
      {
        path: layer.path,
        hint: 'give it the weight 1, or take the adapter away with disable',
      },
    );
  };
  return mapAdapted(tuned, change);
}

/** Throws `no-match`, naming those that are there. */
export function requireAdapter(tuned: unknown, name: string): void {
  const names = adapterNames(tuned);
  if (names.includes(name)) return;
  throw new LorikeetError('no-match', `the model has no adapter '${name}'`, {
    expected: names.join(', '),
    received: name,
    hint: nearestOf(name, names),
  });
}
