import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { disable } from '../compose.ts';
import { adapterLayers } from '../layers.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import type { Method, Variant } from '../variant.ts';
import { peftFieldsOf } from '../variant.ts';
import { adapterTensors, prefix } from './adapterTensors.ts';
import { findSavedModules, findTargets } from './findTargets.ts';
import { parsePlacement } from './peftConfig.ts';

export interface EncodeOptions {
  /** Which adapter. Defaults to `default`. */
  readonly name?: string;
  /** PEFT's `task_type`, such as `SEQ_CLS` or `CAUSAL_LM`. */
  readonly taskType?: string;
  /** PEFT's `base_model_name_or_path`. */
  readonly baseModel?: string;
}

export interface EncodedAdapter {
  /** The content of `adapter_config.json`, its keys sorted. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The tensors of `adapter_model.safetensors`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * One adapter of a model in the format of Hugging Face PEFT.
 *
 * @throws LorikeetError `no-match` if there is no such adapter; `unsupported` for what PEFT's files cannot
 *   say: several methods in one adapter, configs that differ in more than patterns, a share other than 1.
 */
export function encodeAdapter(tuned: unknown, options: EncodeOptions = {}): EncodedAdapter {
  const { name = 'default' } = options;
  const layers = adapterLayers(tuned).filter(({ layer }) => layer.name === name);
  const weights = layers.flatMap(({ layer }) => (layer instanceof AdaptedWeight ? [layer] : []));
  const [first] = weights;
  if (first === undefined) {
    throw new LorikeetError('no-match', `the model has no adapter '${name}' that PEFT could save`, {
      received: [...new Set(adapterLayers(tuned).map(({ layer }) => layer.name))].join(', '),
    });
  }
  requireOneMethod(first, weights);
  const { method } = first.settings;
  const saved = layers.flatMap(({ layer }) =>
    layer instanceof TrainedWeight && layer.reason === 'module' ? [layer.path] : [],
  );
  const config = {
    ...method.variant.peft?.inactive,
    auto_mapping: null,
    inference_mode: true,
    peft_version: '0.21.0',
    revision: null,
    ...method.extra,
    ...placementOf(disable(tuned, name), method, weights, saved),
    ...fieldsOf(weights),
    peft_type: method.variant.peft?.type,
    bias: method.target.bias ?? 'none',
    fan_in_fan_out: weights.some(
      ({ settings }) => settings.site.kind === 'linear' && settings.site.inputAxis === 0,
    ),
    task_type: options.taskType ?? method.extra.task_type ?? null,
    base_model_name_or_path: options.baseModel ?? method.extra.base_model_name_or_path ?? null,
  };
  const tensors = [...adapterTensors(tuned, name)].map(
    ([key, leaf]) => [prefix + key, leaf] as const,
  );
  return {
    config: Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))),
    tensors: new Map(tensors),
  };
}

/** Where the adapter is: in the words in which it was loaded if they still fit, else as full paths. */
function placementOf(
  base: unknown,
  { extra }: Method,
  weights: readonly AdaptedWeight[],
  saved: readonly string[],
): Record<string, unknown> {
  const targets = weights.map(({ settings }) => settings.path).sort();
  const modules = [...new Set(saved)].sort();
  const plain = {
    target_modules: targets,
    exclude_modules: null,
    layers_to_transform: null,
    layers_pattern: null,
    modules_to_save: modules.length === 0 ? null : modules,
  };
  if (extra.target_modules === undefined) return plain;
  const loaded = parsePlacement({ peft_type: '', ...extra });
  const isSame = (a: readonly string[], b: readonly string[]): boolean =>
    [...new Set(a)].sort().join() === [...new Set(b)].sort().join();
  const modulesNow = findSavedModules(base, loaded);
  const isUnchanged =
    isSame(findTargets(base, loaded, modulesNow), targets) && isSame(modulesNow, modules);
  if (!isUnchanged) return plain;
  const { target_modules, exclude_modules, layers_to_transform, layers_pattern, modules_to_save } =
    extra;
  return {
    target_modules,
    exclude_modules: exclude_modules ?? null,
    layers_to_transform: layers_to_transform ?? null,
    layers_pattern: layers_pattern ?? null,
    modules_to_save: modules_to_save ?? null,
  };
}

/** The variant's config under PEFT's keys; a value that differs between places goes to the field's pattern. */
function fieldsOf(weights: readonly AdaptedWeight[]): Record<string, unknown> {
  const [first] = weights;
  if (first === undefined) return {};
  const { variant, method } = first.settings;
  const isOne = weights.every(({ settings }) => settings.method === method);
  const common = recordOf(method.config);
  const patterns: Record<string, Record<string, unknown>> = {};
  for (const { field, pattern } of isOne ? [] : peftFieldsOf(variant)) {
    for (const { settings } of weights) {
      const value = recordOf(settings.config)[field];
      if (JSON.stringify(value) === JSON.stringify(common[field])) continue;
      if (pattern === undefined) {
        throw new LorikeetError(
          'unsupported',
          `PEFT's files have one ${field} for the whole adapter`,
          {
            path: settings.path,
            expected: JSON.stringify(common[field]),
            received: JSON.stringify(value),
          },
        );
      }
      patterns[pattern] = { ...patterns[pattern], [settings.path.replaceAll('.', '\\.')]: value };
    }
  }
  return Object.fromEntries(
    peftFieldsOf(variant).map(({ field, key }) => [
      key,
      isOne ? common[field] : (patterns[field] ?? emptied(common[field])),
    ]),
  );
}

/** A config that differs between places has its patterns made anew. */
function emptied(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? {} : value;
}

function recordOf(config: unknown): Readonly<Record<string, unknown>> {
  return typeof config === 'object' && config !== null
    ? Object.fromEntries(Object.entries(config))
    : {};
}

function requireOneMethod(first: AdaptedWeight, weights: readonly AdaptedWeight[]): void {
  const { variant, method } = first.settings;
  const refuse = (why: string, path: string): LorikeetError =>
    new LorikeetError('unsupported', `PEFT's files cannot hold ${why}`, { path });
  if (variant.peft === undefined) throw refuse(`the method '${variant.name}'`, first.settings.path);
  for (const { settings, mix } of weights) {
    if (settings.variant !== (variant as Variant))
      throw refuse(
        `'${variant.name}' and '${settings.variant.name}' in one adapter`,
        settings.path,
      );
    if ((settings.method.target.bias ?? 'none') !== (method.target.bias ?? 'none'))
      throw refuse('different bias modes in one adapter', settings.path);
    if (mix !== 1) throw refuse(`an adapter with the share ${mix}`, settings.path);
  }
}
