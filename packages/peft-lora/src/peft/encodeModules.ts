import { Context } from '@lorikeet/nn';
import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { disable } from '../compose.ts';
import { adapterLayers } from '../layers.ts';
import {
  type ModuleAdapter,
  moduleAdapters,
  type PlacedAdapter,
} from '../modules/moduleAdapter.ts';
import type { ModulePeftFormat } from '../modules/moduleVariant.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import { peftFieldsOf } from '../variant.ts';
import { type AdapterTensor, prefix as modelPrefix } from './adapterTensors.ts';
import type { EncodedAdapter, EncodeOptions } from './encodedAdapter.ts';
import { parsePlacement } from './peftConfig.ts';
import { selectModules } from './selectModules.ts';

/**
 * An adapter of a method that changes no weight in PEFT's format; `undefined` if it is another.
 *
 * @throws LorikeetError `unsupported` for several methods or configs in one adapter, and for a method without a format.
 */
export function encodeModules(
  tuned: unknown,
  name: string,
  options: EncodeOptions & { readonly peftVersion: string },
): EncodedAdapter | undefined {
  const own = moduleAdapters(tuned).filter(({ adapter }) => adapter.name === name);
  const [first] = own;
  if (first === undefined) return undefined;
  const { method, variant, config } = first.adapter.settings;
  const format = requireFormat(own, tuned, name);
  const saved = savedModules(tuned, name);
  const base = disable(tuned, name);
  const fields = Object.fromEntries(
    peftFieldsOf(variant).map(({ field, key }) => [key, Reflect.get(Object(config), field)]),
  );
  const { taskType, baseModel, peftVersion } = options;
  const written: Record<string, unknown> = {
    ...format.inactive,
    auto_mapping: null,
    base_model_name_or_path: null,
    peft_version: peftVersion,
    revision: null,
    modules_to_save: saved.length === 0 ? null : [...saved].sort(),
    ...method.extra,
    ...format.derived(
      config,
      own.map(({ path, module }) => ({ path, module, config, loaded: method.extra })),
      base,
    ),
    ...wordsFor(base, saved, method.extra),
    ...fields,
    ...(baseModel === undefined ? {} : { base_model_name_or_path: baseModel }),
    inference_mode: true,
    peft_type: format.type,
    task_type: taskType ?? method.extra.task_type ?? null,
  };
  const places = own.map(({ path }) => path);
  const targets = format.targets(config, written, base);
  if (targets.length !== places.length || !targets.every((path) => places.includes(path)))
    throw refusal('just these modules', places.join(', '));
  const kept = Object.entries(written).filter(([key, value]) => {
    if (format.ownKeys?.includes(key) === true) return value !== null;
    if (!(format.lacks ?? []).includes(key)) return true;
    if (value === null) return false;
    throw refusal(`${key} of the method '${variant.name}'`, first.path);
  });
  return {
    config: Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))),
    tensors: new Map(
      moduleTensors(tuned, name).map(({ fullKey, tensor }) => [fullKey, tensor] as const),
    ),
  };
}

/** The tensors of such an adapter that its file has, with their paths in a model that was loaded. */
export function moduleTensors(tuned: unknown, name: string): AdapterTensor[] {
  const found: AdapterTensor[] = [];
  const add = (fullKey: string, path: string, tensor: Tensor): void => {
    const key = fullKey.startsWith(modelPrefix) ? fullKey.slice(modelPrefix.length) : fullKey;
    found.push({ key, fullKey, paths: [path], tensor, isCopy: false });
  };
  const adapters = moduleAdapters(tuned);
  for (const { path, adapter, own } of adapters) {
    if (adapter.name !== name) continue;
    const { variant, config } = adapter.settings;
    const { peft } = variant;
    if (peft === undefined) continue;
    const place = path === '' ? '' : `${path}.`;
    const tensors = peft.encode(adapter.parameters, config, Context.evaluation, adapter.frozen);
    for (const [key, tensor] of Object.entries(tensors)) {
      const within = `${own}.parameters.${pathOf(peft, key)}`;
      add(peft.isInModule ? `${peft.prefix}${place}${key}` : key, within, tensor);
    }
  }
  const start = adapters.find(({ adapter }) => adapter.name === name)?.adapter.settings.variant
    .peft;
  for (const { path, layer } of adapterLayers(tuned)) {
    if (layer.name !== name || !(layer instanceof TrainedWeight)) continue;
    add(`${start?.prefix ?? modelPrefix}${path}`, `${path}.value`, layer.value);
  }
  return found;
}

function pathOf({ paths }: ModulePeftFormat<unknown, unknown>, key: string): string {
  return typeof paths === 'function' ? paths(key) : (paths[key] ?? key);
}

function requireFormat(
  own: readonly PlacedAdapter[],
  tuned: unknown,
  name: string,
): ModulePeftFormat<unknown, unknown> {
  const [first, ...others] = own.map(({ path, adapter }) => ({ path, ...settingsOf(adapter) }));
  const format = first?.variant.peft;
  if (first === undefined || format === undefined)
    throw refusal(`the method '${first?.variant.name ?? ''}'`, first?.path ?? '');
  const isOther = others.find(
    ({ variant, config }) =>
      variant !== first.variant || JSON.stringify(config) !== JSON.stringify(first.config),
  );
  const weight = adapterLayers(tuned).find(
    ({ layer }) => layer.name === name && !(layer instanceof TrainedWeight),
  );
  const odd = isOther?.path ?? weight?.path;
  if (odd !== undefined)
    throw refusal(`${first.variant.name} and another method in one adapter`, odd);
  return format;
}

function settingsOf({ settings: { variant, config } }: ModuleAdapter): {
  readonly variant: ModuleAdapter['settings']['variant'];
  readonly config: unknown;
} {
  return { variant, config };
}

function savedModules(tuned: unknown, name: string): string[] {
  const paths = adapterLayers(tuned).flatMap(({ layer }) =>
    layer.name === name && layer instanceof TrainedWeight ? [layer.path] : [],
  );
  return [...new Set(paths)];
}

/** The words in which modules were to be saved when the adapter was loaded, if they still select just those. */
function wordsFor(
  base: unknown,
  saved: readonly string[],
  loaded: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  if (!Object.hasOwn(loaded, 'modules_to_save')) return {};
  const { modules_to_save } = loaded;
  const placement = parsePlacement({ peft_type: '', target_modules: [], modules_to_save });
  const none = { some: () => false, whole: () => false };
  const found = new Set(selectModules(base, placement, none).saved);
  const isSame = found.size === saved.length && saved.every((path) => found.has(path));
  return {
    modules_to_save: isSame ? modules_to_save : saved.length === 0 ? null : [...saved].sort(),
  };
}

function refusal(what: string, path: string): LorikeetError {
  return new LorikeetError('unsupported', `PEFT's files cannot hold ${what}`, {
    path,
    hint: 'give what differs names of its own, and save several adapters',
  });
}
