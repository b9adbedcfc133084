import { randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { train } from '../adapt.ts';
import { ModuleAdapter, moduleAdapters } from '../modules/moduleAdapter.ts';
import type { ModuleMethod } from '../modules/moduleVariant.ts';
import { placeModules, splitBy } from '../modules/placeModules.ts';
import { place } from '../place.ts';
import { rewrite } from '../rewrite.ts';
import { moduleTensors } from './encodeModules.ts';
import { matchTensors, storedParts, type TensorSource } from './matchTensors.ts';
import type { PeftJson, PeftPlacement } from './peftConfig.ts';
import { requireCopy } from './requireCopy.ts';
import { requireSaved, selectModules } from './selectModules.ts';

/**
 * Puts a saved adapter of a method that changes no weight on its base model. What an encoder made is loaded as it was stored:
 * the encoder itself is in no file.
 *
 * @throws LorikeetError as `decodeAdapter` does.
 */
export async function decodeModules<T>(
  model: T,
  method: ModuleMethod,
  json: PeftJson,
  placement: PeftPlacement,
  source: TensorSource,
  { name, strict }: { readonly name: string; readonly strict: boolean },
): Promise<T> {
  const { variant, config } = method;
  const parts = storedParts(source, model, false);
  const selected = selectModules(model, { ...placement, target_modules: [] }, parts);
  requireSaved(model, placement, selected.saved, strict);
  const options = { name, key: randomKey(0) };
  const saved = place(model, new Map(selected.saved.map((path) => [path, train()])), options);
  const targets = variant.peft?.targets(config, json, model, strict) ?? [];
  const methods = new Map(targets.map((path) => [path, method]));
  const tuned = placeModules(saved, methods, { ...options, isStored: true });
  const { stored } = matchTensors(moduleTensors(tuned, name), source, model);
  const plan = new Map<string, () => Tensor>();
  const read = new Map<Tensor, Tensor>();
  for (const [{ paths, tensor: first }, key] of stored) {
    const { shape, dtype } = first;
    const shared = read.get(first);
    if (shared !== undefined) await requireCopy(source, key, shared, sharedTensor);
    const values = shared ?? tensor(await source.readAs(key, dtype), shape, dtype);
    read.set(first, values);
    for (const path of paths) plan.set(path, () => values);
  }
  return decodeStored(rewrite(tuned, plan), name);
}

/** Makes the adapters of one name out of the form that their file has. */
function decodeStored<T>(tuned: T, name: string): T {
  const plan = new Map<string, (node: unknown) => unknown>();
  for (const { adapter, own } of moduleAdapters(tuned)) {
    const { settings } = adapter;
    if (adapter.name !== name || settings.variant.split === undefined) continue;
    const state = splitBy(settings.variant, adapter.parameters, settings.config);
    plan.set(own, () => new ModuleAdapter(state, name, settings));
  }
  return rewrite(tuned, plan);
}

const sharedTensor = 'repeats a tensor that modules share';
