import { materialize } from '@lorikeet/nn';
import { LorikeetError, sub, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedBias } from '../adaptedBias.ts';
import { AdaptedWeight, argumentsOf } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { type AdapterLayer, adapterLayers } from '../layers.ts';
import { moduleOf } from '../peft/adapterTensors.ts';
import { invocationOf } from '../routing/invocation.ts';
import { invocationError } from '../routing/invocationError.ts';
import { AdapterUpdate, type WholeUpdate } from './adapterUpdate.ts';
import { type LowRank, scaled } from './lowRank.ts';

/**
 * What one adapter of a model adds to its base, as exact low-rank pairs. Its share is worked in.
 *
 * @throws LorikeetError `no-match` if there is no such adapter; `unsupported` for a method whose change of a weight is
 *   no low-rank product: `convertToLora` finds the nearest one.
 */
export function updateOf(tuned: unknown, name = 'default'): AdapterUpdate {
  return collectUpdate(tuned, name, pairOf);
}

/** The same with another way to the pair of a weight. */
export function collectUpdate(
  tuned: unknown,
  name: string,
  pairAt: (layer: AdaptedWeight, path: string) => LowRank,
): AdapterUpdate {
  requireAdapter(tuned, name);
  const pairs: Record<string, LowRank> = {};
  const biases: Record<string, Tensor> = {};
  const wholes: Record<string, WholeUpdate> = {};
  for (const { path, layer } of adapterLayers(tuned)) {
    if (layer.name !== name) continue;
    if (invocationOf(layer) !== undefined) throw invocationError(name, path, 'a sum of updates');
    if (layer instanceof AdaptedWeight) pairs[moduleOf(path)] = pairAt(layer, path);
    else if (layer instanceof AdaptedBias) biases[moduleOf(path)] = changeOf(layer);
    else wholes[path] = { change: changeOf(layer), reason: layer.reason, path: layer.path };
  }
  return new AdapterUpdate(pairs, biases, wholes);
}

/** The change that a layer makes, if it is a product of thin factors. */
export function lowRankOf(layer: AdaptedWeight): LowRank | undefined {
  const pair = layer.settings.variant.lowRank?.(argumentsOf(layer));
  return pair === undefined || layer.mix === 1 ? pair : scaled(pair, layer.mix);
}

function pairOf(layer: AdaptedWeight, path: string): LowRank {
  const pair = lowRankOf(layer);
  if (pair !== undefined) return pair;
  throw noLowRank(layer, path);
}

export function noLowRank({ settings }: AdaptedWeight, path: string): LorikeetError {
  const summary = `what ${settings.variant.name} changes here is no low-rank product`;
  return new LorikeetError('unsupported', summary, {
    path,
    hint: 'convertToLora with a rank, or a part of the energy, finds the nearest one, and says how much is lost',
  });
}

/** What a layer adds to what is below it, in its order of axes. */
export function changeOf(layer: AdapterLayer): Tensor {
  return sub(layer.materialize(), materialize(layer.base));
}
