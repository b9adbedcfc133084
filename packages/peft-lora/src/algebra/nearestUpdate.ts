import { at, biasOf, isAdaptable } from '@lorikeet/nn';
import { evaluate, LorikeetError, sub, svd } from '@lorikeet/tensor-core';
import { changesBias } from '../adaptBiases.ts';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { adapterLayers } from '../layers.ts';
import { inSingles } from '../merging/mergedWeight.ts';
import { moduleOf } from '../peft/adapterTensors.ts';
import { isWeight } from '../place.ts';
import { AdapterUpdate, type WholeUpdate } from './adapterUpdate.ts';
import { type EnergyChoice, keptOf, requireChoice } from './energy.ts';
import type { Extracted, ExtractedRow } from './extractUpdate.ts';
import { asMatrix, fromSvd, type LowRank, rankOf, svdOf } from './lowRank.ts';
import { changeOf, collectUpdate, lowRankOf } from './updateOf.ts';

/**
 * What one adapter of a model adds to its base, as the nearest update of low rank: of each weight so much as is chosen, of
 * biases and of what trained whole all.
 *
 * @throws LorikeetError `invalid-argument` for a choice that is none, `no-match`, `unsupported`.
 */
export async function nearestUpdate(
  tuned: unknown,
  name: string,
  choice: EnergyChoice,
): Promise<Extracted> {
  requireChoice(choice, 'convertToLora');
  requireAdapter(tuned, name);
  const pairs = new Map<string, LowRank>();
  const rows: ExtractedRow[] = [];
  const shifted: Record<string, WholeUpdate> = {};
  for (const { path, layer } of adapterLayers(tuned)) {
    if (layer.name !== name || !(layer instanceof AdaptedWeight)) continue;
    requireMatrix(layer, path);
    const { pair, row } = await nearestPair(layer, moduleOf(path), choice);
    pairs.set(path, pair);
    rows.push(row);
    Object.assign(shifted, biasChange(tuned, layer, path));
  }
  const update = collectUpdate(tuned, name, (layer, path) => {
    const pair = pairs.get(path);
    if (pair !== undefined) return pair;
    throw new LorikeetError('internal', `${layer.settings.variant.name} has no pair`, { path });
  });
  const wholes = { ...update.wholes, ...shifted };
  return { update: new AdapterUpdate(update.pairs, update.biases, wholes), rows };
}

async function nearestPair(
  layer: AdaptedWeight,
  path: string,
  choice: EnergyChoice,
): Promise<{ readonly pair: LowRank; readonly row: ExtractedRow }> {
  const wide = inSingles(layer);
  const thin = lowRankOf(wide);
  const found = thin === undefined ? svd(asMatrix(changeOf(wide), wide.settings)) : svdOf(thin);
  await evaluate([found.u, found.s, found.v]);
  const kept = keptOf([...(await found.s.data())].map(Number), choice);
  // Factors that are no larger than what is asked for stay as they are.
  if (thin !== undefined && kept.energy === 1 && rankOf(thin) <= kept.rank)
    return { pair: thin, row: { path, rank: rankOf(thin), energy: 1 } };
  return { pair: fromSvd(found, kept.rank), row: { path, ...kept } };
}

/** What the adapter of a weight changes of the bias beside it. */
function biasChange(
  tuned: unknown,
  layer: AdaptedWeight,
  path: string,
): Readonly<Record<string, WholeUpdate>> {
  if (layer.settings.variant.adaptBias === undefined) return {};
  const module = at(tuned, moduleOf(path));
  const bias = isAdaptable(module) && isWeight(module.bias) ? module.bias : null;
  if (changesBias(layer.base)) throw unsupported(layer, path, 'a bias that two adapters change');
  const [before, after] = [biasOf(layer.base, bias), biasOf(layer, bias)];
  if (before === null || after === null) return {};
  const place = `${moduleOf(path)}.bias`;
  return { [place]: { change: sub(after, before), reason: 'bias', path: place } };
}

function requireMatrix(layer: AdaptedWeight, path: string): void {
  const { kind, groups } = layer.settings.shape;
  if (kind !== 'linear' && kind !== 'embedding' && kind !== 'conv')
    throw unsupported(layer, path, `a weight of kind '${kind}'`);
  if (groups !== 1) throw unsupported(layer, path, 'a convolution with groups');
}

function unsupported(layer: AdaptedWeight, path: string, what: string): LorikeetError {
  const { name } = layer.settings.variant;
  return new LorikeetError('unsupported', `${name} as LoRA: ${what}`, { path });
}
