import { evaluate, LorikeetError, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { requireFreeName, train } from '../adapt.ts';
import { AdaptedWeight, withDerived } from '../adaptedWeight.ts';
import { adapterLayers } from '../layers.ts';
import { mapLayersOf } from '../mapLayersOf.ts';
import type { ModuleVariant } from '../modules/moduleVariant.ts';
import { place, type TrainMethod } from '../place.ts';
import { replicatedOnce } from '../replicateLayers.ts';
import { rewrite } from '../rewrite.ts';
import { settle } from '../settle.ts';
import type { Method, StoredForm, Variant } from '../variant.ts';
import { adapterTensors } from './adapterTensors.ts';
import { companionsOf, inputEmbedding } from './companions.ts';
import { decodeModules } from './decodeModules.ts';
import { methodOf, moduleMethodOf, variants } from './findVariant.ts';
import { matchTensors, storedParts, type TensorSource } from './matchTensors.ts';
import { type PeftJson, type PeftPlacement, parsePlacement, requireRecord } from './peftConfig.ts';
import { requireCopy } from './requireCopy.ts';
import { requireMatches, selectModules } from './selectModules.ts';

/** An adapter in the format of Hugging Face PEFT. */
export interface AdapterFiles {
  /** The parsed `adapter_config.json`. */
  readonly config: unknown;
  /** `adapter_model.safetensors`. */
  readonly tensors: TensorSource;
}

export interface DecodeOptions {
  /** Name for the adapter. Defaults to `default`. */
  readonly name?: string;
  /** Variants from elsewhere whose `peft.type` the config may name. */
  readonly variants?: readonly Variant[];
  /** The same for those that change no weight. */
  readonly moduleVariants?: readonly ModuleVariant[];
  /** Whether each target must be in the model; PEFT asks that one of them is. Defaults to true. */
  readonly strict?: boolean;
  /** Computes as PEFT does where that departs from the mathematics. */
  readonly compat?: 'peft';
}

/**
 * Puts a saved adapter on its base model, whose layers it may replicate. Everything is checked before a tensor is read.
 *
 * @throws LorikeetError `unsupported` for a method or active option that is not built; `no-match` for a target
 *   that is not in the model; `missing-tensor`, `unexpected-tensor`, `shape-mismatch`; `invalid-config`.
 */
export async function decodeAdapter<T>(
  given: T,
  { config, tensors: source }: AdapterFiles,
  options: DecodeOptions = {},
): Promise<T> {
  const json = requireRecord(config);
  return decodePlaced(given, { json, words: parsePlacement(json), source }, options);
}

/** A config that is checked, and where it is put, which need not be in its own words. */
export interface PlacedFiles {
  readonly json: PeftJson;
  readonly words: PeftPlacement;
  readonly source: TensorSource;
}

export async function decodePlaced<T>(
  given: T,
  { json, words, source }: PlacedFiles,
  options: DecodeOptions,
): Promise<T> {
  const { name = 'default', strict = true, compat } = options;
  requireFreeName(given, name);
  const around = moduleMethodOf(json, options.moduleVariants ?? [], compat);
  if (around !== undefined)
    return decodeModules(given, around, json, words, source, { name, strict });
  const found = methodOf(json, words, options.variants ?? []);
  const { layer_replication: ranges } = words;
  const model = ranges === null ? given : replicatedOnce(given, ranges);
  const method = compat === undefined ? found : { ...found, target: { ...found.target, compat } };
  const isInput = method.variant.peft?.targetsInput === true && words.target_modules === null;
  const placement = isInput ? { ...words, target_modules: [inputEmbedding(model)] } : words;
  const known = [...(options.variants ?? []), ...variants];
  const companions = companionsOf(json, method, known, model);
  const selected = selectModules(model, placement, storedParts(source, model, json.bias === 'all'));
  requireMatches(model, placement, selected, strict);
  const placements = new Map<string, Method | TrainMethod>();
  for (const path of selected.adapted) placements.set(path, method);
  for (const path of selected.saved) placements.set(path, train());
  for (const [path, companion] of companions) {
    if (placements.has(path)) throw twice(path, method, companion);
    placements.set(path, companion);
  }
  // The first values are recorded, never computed: they tell the shapes.
  const placed = place(model, placements, { name, key: randomKey(0) });
  const isSettled = [...source.entries.keys()].some(
    (key) => method.variant.peft?.isSettled?.(key) === true,
  );
  const tuned = isSettled ? await settle(placed, name) : placed;
  const { stored, copies } = matchTensors(adapterTensors(tuned, name), source, model);
  for (const [key, weight] of copies)
    await requireCopy(source, key, weight, 'brings a weight of the base model');

  const plan = new Map<string, () => Tensor>();
  const read = new Map<Tensor, Tensor>();
  const places = new Map<
    string,
    { readonly form: StoredForm; readonly tensors: Record<string, Tensor> }
  >();
  for (const [{ paths, tensor: first, isCopy, stored: part }, key] of stored) {
    if (isCopy) continue;
    const { shape, dtype } = first;
    const values = tensor(await source.readAs(key, dtype), shape, dtype);
    read.set(first, values);
    for (const path of paths) plan.set(path, () => values);
    if (part === undefined) continue;
    const place = places.get(part.parameters) ?? { form: part.form, tensors: {} };
    place.tensors[part.name] = values;
    places.set(part.parameters, place);
  }
  for (const [{ tensor: first, isCopy }, key] of stored) {
    const values = read.get(first);
    if (isCopy && values !== undefined)
      await requireCopy(source, key, values, 'repeats a tensor of its own');
  }
  for (const [path, { form, tensors }] of places)
    for (const [name, read] of Object.entries(await form.decode(tensors)))
      plan.set(`${path}.${name}`, () => read);
  const loaded = fitted(rewrite(tuned, plan), name);
  await evaluate(computedParts(loaded, name));
  return loaded;
}

/** What an adapter computes from the base once, so that no step of a compiled program does it again. */
function computedParts(tuned: unknown, name: string): Tensor[] {
  return adapterLayers(tuned).flatMap(({ layer }) =>
    layer instanceof AdaptedWeight && layer.name === name
      ? [...Object.values(layer.frozen), ...Object.values(layer.shared?.value.frozen ?? {})]
      : [],
  );
}

/** With what is made of the tensors of a file, where that depends on them. */
function fitted<T>(loaded: T, name: string): T {
  const isDerived = adapterLayers(loaded).some(
    ({ layer }) =>
      layer instanceof AdaptedWeight &&
      layer.name === name &&
      layer.settings.variant.derived !== undefined,
  );
  return isDerived ? mapLayersOf(loaded, name, withDerived) : loaded;
}

function twice(path: string, one: Method, other: Method): LorikeetError {
  const names = `${one.variant.name} and ${other.variant.name}`;
  return new LorikeetError('unsupported', `${names} on one module in one adapter`, { path });
}
