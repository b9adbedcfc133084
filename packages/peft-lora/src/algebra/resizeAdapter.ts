import { cast, div, evaluate } from '@lorikeet/tensor-core';
import { AdaptedBias } from '../adaptedBias.ts';
import { AdaptedWeight, type AdapterSettings, argumentsOf } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { type AdapterLayer, adapterLayers, isAdapterLayer, mapAdapted } from '../layers.ts';
import { inDoubles } from '../merging/mergedWeight.ts';
import { moduleOf } from '../peft/adapterTensors.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import type { Method, Tensors } from '../variant.ts';
import { lora, loraVariant } from '../variants/lora.ts';
import { type EnergyChoice, type KeptEnergy, keptOf, requireChoice } from './energy.ts';
import { fromSvd, type LowRank, rankOf, svdOf } from './lowRank.ts';
import { noLowRank } from './updateOf.ts';

export interface ResizeOptions extends EnergyChoice {
  /** Which adapter. Defaults to `default`. */
  readonly name?: string;
}

/** What became of the update of one weight. */
export interface ResizedRow extends KeptEnergy {
  /** Of the module. */
  readonly path: string;
  /** The rank that it had. */
  readonly before: number;
}

export interface Resized<T> {
  readonly model: T;
  readonly rows: readonly ResizedRow[];
}

/**
 * The same adapter with other ranks: of each weight the nearest update of a rank (Eckart and Young 1936), from the thin
 * factors alone. Scales stay, and so does what trains beside it, heads and biases. No update gets a higher rank than it has.
 *
 * @returns a new model, with LoRA in the place of the adapter and under its name, and what is kept of each weight.
 * @throws LorikeetError `invalid-argument` unless there is just one of rank and energy; `no-match` if there is no such
 *   adapter; `unsupported` for a method whose change of a weight is no low-rank product, such as DoRA.
 * @example
 * const { model, rows } = await resizeAdapter(tuned, { energy: 0.95 });
 * await saveAdapter(model, 'smaller');
 */
export async function resizeAdapter<T>(
  tuned: T,
  { name = 'default', ...choice }: ResizeOptions,
): Promise<Resized<T>> {
  requireChoice(choice, 'resizeAdapter');
  requireAdapter(tuned, name);
  const rows: ResizedRow[] = [];
  const resized = new Map<AdapterSettings, ResizedPlace>();
  for (const { path, layer } of adapterLayers(tuned)) {
    if (layer.name !== name || !(layer instanceof AdaptedWeight)) continue;
    const { place, before, kept } = await resizedPlace(layer, path, choice);
    resized.set(layer.settings, place);
    rows.push({ path: moduleOf(path), before, ...kept });
  }
  return { model: mapAdapted(tuned, (layer) => withRanks(layer, resized)), rows };
}

interface ResizedPlace {
  readonly method: Method;
  readonly parameters: Tensors;
}

async function resizedPlace(
  layer: AdaptedWeight,
  path: string,
  choice: EnergyChoice,
): Promise<{
  readonly place: ResizedPlace;
  readonly before: number;
  readonly kept: KeptEnergy;
}> {
  const pair = pairOf(inDoubles(layer), path);
  const { u, s, v } = svdOf(pair);
  await evaluate([u, s, v]);
  const kept = keptOf([...(await s.data())].map(Number), choice);
  const { config, shape, method } = layer.settings;
  // A bias of the method has the scale of the product: it stays.
  const scale = pair.scale === 0 ? 1 : pair.scale;
  const isLora = layer.settings.variant.name === loraVariant.name;
  const made = lora({
    ...(isLora ? recordOf(config) : { dropout: dropoutOf(config) }),
    ...plain,
    rank: kept.rank,
    alpha: scale * kept.rank,
  });
  const { left, right } = fromSvd({ u, s, v }, kept.rank);
  const { dtype } = pairOf(layer, path).left;
  const nearest = { left: cast(div(left, scale), dtype), right: cast(right, dtype), scale };
  const parameters = loraVariant.fromLowRank?.(nearest, { config: made.config, shape });
  if (parameters === undefined) throw noLowRank(layer, path);
  const resized = { ...made, target: method.target, extra: isLora ? method.extra : {} };
  return { place: { method: resized as Method, parameters }, before: rankOf(pair), kept };
}

/** What of a config is in the factors and the scale now. */
const plain = {
  useRslora: false,
  initLoraWeights: true,
  rankPattern: {},
  alphaPattern: {},
} as const;

/** The product of the method itself, without the share of the adapter. */
function pairOf(layer: AdaptedWeight, path: string): LowRank {
  const pair = layer.settings.variant.lowRank?.(argumentsOf(layer));
  if (pair !== undefined) return pair;
  throw noLowRank(layer, path);
}

function withRanks(
  layer: AdapterLayer,
  resized: ReadonlyMap<AdapterSettings, ResizedPlace>,
): AdapterLayer {
  const base = isAdapterLayer(layer.base) ? withRanks(layer.base, resized) : layer.base;
  const place = layer instanceof TrainedWeight ? undefined : resized.get(layer.settings);
  if (layer instanceof TrainedWeight || place === undefined) return layer.with({ base });
  const settings = layer.settings.withMethod(place.method);
  const { name, mix } = layer;
  return layer instanceof AdaptedBias
    ? new AdaptedBias(base, layer.parameters, name, settings, mix)
    : new AdaptedWeight(base, place.parameters, name, settings, mix);
}

function recordOf(config: unknown): Readonly<Record<string, unknown>> {
  return typeof config === 'object' && config !== null
    ? Object.fromEntries(Object.entries(config))
    : {};
}

function dropoutOf(config: unknown): number {
  const { dropout } = recordOf(config);
  return typeof dropout === 'number' ? dropout : 0;
}
