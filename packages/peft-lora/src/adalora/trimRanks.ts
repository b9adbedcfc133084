import { evaluate, gather, LorikeetError, type Tensor, tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight, AdapterSettings } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { type AdapterLayer, adapterLayers, isAdapterLayer, mapAdapted } from '../layers.ts';
import { parameterOf } from '../parameterOf.ts';
import { moduleOf } from '../peft/adapterTensors.ts';
import { parseConfig } from '../variant.ts';
import { type AdaloraConfig, adaloraVariant } from '../variants/adalora.ts';
import { type RankPattern, rankKey } from './rankPattern.ts';

/**
 * Takes the singular values that are 0, and their vectors, out of an AdaLoRA adapter: it computes the same with less, and
 * its file has the `rank_pattern` that PEFT writes.
 *
 * @param name of the adapter. Defaults to `default`.
 * @returns a new model; a place may be left with rank 0.
 * @throws LorikeetError `no-match` if there is no such adapter; `unsupported` if it has no budget; `invalid-argument` if
 *   every singular value is 0, as before training.
 */
export async function trimRanks<T>(tuned: T, name = 'default'): Promise<T> {
  requireAdapter(tuned, name);
  const layers = adapterLayers(tuned).flatMap(({ path, layer }) =>
    layer.name === name && isBudgeted(layer) ? [{ path: moduleOf(path), layer }] : [],
  );
  if (layers.length === 0)
    throw new LorikeetError('unsupported', `the adapter '${name}' has no budget of ranks`, {
      expected: 'an adapter of adalora',
    });
  const values = layers.map(({ layer }) => parameterOf(layer.parameters, 'E'));
  await evaluate(values);
  const left = await Promise.all(
    values.map(async (E) => [...(await E.data())].map((value) => value !== 0)),
  );
  if (!left.flat().includes(true))
    throw new LorikeetError('invalid-argument', 'every singular value of the adapter is 0', {
      hint: 'train it first',
    });
  const pattern: RankPattern = Object.fromEntries(
    layers.map(({ path, layer }, i) => [rankKey(path), keptOf(layer, left[i] ?? [])]),
  );
  const trimmed = new Map(
    layers.map(({ path, layer }, i): [AdapterLayer, AdapterLayer] => [
      layer,
      trim(layer, path, left[i] ?? [], pattern),
    ]),
  );
  const swap = (layer: AdapterLayer): AdapterLayer => {
    const own = trimmed.get(layer) ?? layer;
    const { base } = layer;
    return isAdapterLayer(base) ? own.with({ base: swap(base) }) : own;
  };
  return mapAdapted(tuned, swap);
}

function isBudgeted(layer: AdapterLayer): layer is AdaptedWeight {
  return layer instanceof AdaptedWeight && layer.settings.variant === adaloraVariant;
}

/** Which of the singular values at first are left, when some of those of today go. */
function keptOf(layer: AdaptedWeight, left: readonly boolean[]): readonly boolean[] {
  const { initRank, rankPattern } = parseConfig<AdaloraConfig>(
    adaloraVariant,
    layer.settings.config,
  );
  const [before = left.map(() => true)] = Object.values(rankPattern ?? {});
  const places = before.flatMap((kept, i) => (kept ? [i] : []));
  return Array.from({ length: initRank }, (_, i) => left[places.indexOf(i)] === true);
}

function trim(
  layer: AdaptedWeight,
  path: string,
  left: readonly boolean[],
  rankPattern: RankPattern,
): AdaptedWeight {
  const { method, site, shape } = layer.settings;
  const config = { ...parseConfig<AdaloraConfig>(adaloraVariant, method.config), rankPattern };
  const settings = new AdapterSettings({ ...method, config }, path, site, shape);
  const indices = left.flatMap((kept, i) => (kept ? [i] : []));
  const rows = tensor(indices, [indices.length], 'i32');
  const take = (name: string, axis: number): Tensor =>
    gather(parameterOf(layer.parameters, name), rows, axis);
  const parameters = { A: take('A', 0), B: take('B', 1), E: take('E', 0) };
  return new AdaptedWeight(layer.base, parameters, layer.name, settings, layer.mix);
}
