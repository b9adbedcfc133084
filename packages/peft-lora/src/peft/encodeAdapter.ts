import { nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { disable } from '../compose.ts';
import { adapterLayers, adapterNames } from '../layers.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import type { PeftFormat, Variant } from '../variant.ts';
import { adapterTensors, moduleOf } from './adapterTensors.ts';
import { encodeCompanions, splitPlaces } from './companions.ts';
import { encodeBias } from './encodeBias.ts';
import type { EncodedAdapter, EncodeOptions } from './encodedAdapter.ts';
import { type AdaptedPlace, encodeFields } from './encodeFields.ts';
import { encodeModules } from './encodeModules.ts';
import { encodePlacement } from './encodePlacement.ts';
import { ownPlacementKeys } from './peftConfig.ts';

/** The release of PEFT whose files these are. */
const peftVersion = '0.21.0';

/**
 * One adapter of a model in the format of Hugging Face PEFT.
 *
 * @throws LorikeetError `no-match` if there is no such adapter; `unsupported` for what PEFT's files cannot
 *   say: several methods in one adapter, configs that differ in more than patterns, a share other than 1.
 */
export function encodeAdapter(tuned: unknown, options: EncodeOptions = {}): EncodedAdapter {
  const { name = 'default' } = options;
  const around = encodeModules(tuned, name, { ...options, peftVersion });
  if (around !== undefined) return around;
  const layers = adapterLayers(tuned).filter(({ layer }) => layer.name === name);
  const places = layers.flatMap(({ path, layer }) =>
    layer instanceof AdaptedWeight ? [{ path: moduleOf(path), settings: layer.settings }] : [],
  );
  for (const { path, layer } of layers) {
    if (layer instanceof TrainedWeight || layer.mix === 1) continue;
    throw refusal(`an adapter with the share ${layer.mix}`, path, 'save it with the share 1');
  }
  const { main, companions } = splitPlaces(places);
  const [first] = main;
  if (first === undefined) throw noAdapter(tuned, name);
  const { variant, method } = first.settings;
  const { type, mark, inactive, lacks = [] } = requireFormat(variant, main);

  const trained = layers.filter(({ layer }) => layer instanceof TrainedWeight);
  const saved = trained.flatMap(({ path, layer }) =>
    layer instanceof TrainedWeight && layer.reason === 'module' ? [savedModule(path, layer)] : [],
  );
  const adapted = main.map(({ path }) => path);
  const base = disable(tuned, name);
  const bias = encodeBias(base, layers, saved, type);
  const tokens = tokensOf(main);
  const task_type = options.taskType ?? method.extra.task_type ?? null;
  const config = {
    ...inactive,
    auto_mapping: null,
    base_model_name_or_path: null,
    peft_version: peftVersion,
    revision: null,
    ...method.extra,
    ...encodePlacement(base, { adapted, saved: [...new Set(saved)] }, method.extra),
    ...encodeCompanions(companions, method.extra, base),
    ...(mark?.value === undefined ? {} : { [mark.key]: mark.value }),
    ...encodeFields(main),
    alora_invocation_tokens: tokens,
    ...(options.baseModel === undefined ? {} : { base_model_name_or_path: options.baseModel }),
    bias,
    fan_in_fan_out: main.some(
      ({ settings: { site } }) => site.kind === 'linear' && site.inputAxis === 0,
    ),
    inference_mode: true,
    peft_type: type,
    task_type,
  };
  const own = ownPlacementKeys.find(
    (key) => isActive(Reflect.get(config, key) ?? null) && !Object.hasOwn(inactive ?? {}, key),
  );
  if (own !== undefined)
    throw refusal(`${own} of the method '${variant.name}'`, '', 'PEFT has it for LoRA');
  const written = Object.entries(config).filter(
    ([key, value]) =>
      isActive(value) ||
      !(optional.has(key) || lacks.includes(key)) ||
      Object.hasOwn(inactive ?? {}, key),
  );
  const extra = written.find(([key, value]) => lacks.includes(key) && isActive(value));
  if (extra !== undefined)
    throw refusal(
      `${extra[0]} of the method '${variant.name}'`,
      '',
      'save what trains whole as an adapter of its own',
    );
  return {
    config: Object.fromEntries(written.sort(([a], [b]) => (a < b ? -1 : 1))),
    tensors: new Map(
      adapterTensors(tuned, name).map(({ fullKey, tensor }) => [fullKey, tensor] as const),
    ),
  };
}

/** Keys of the placement that not every method of PEFT has. */
const optional: ReadonlySet<string> = new Set([
  'bias',
  'exclude_modules',
  'fan_in_fan_out',
  'layers_pattern',
  'layers_to_transform',
  ...ownPlacementKeys,
]);

function isActive(value: unknown): boolean {
  return value !== null && value !== false && value !== 'none';
}

/** The tokens that all places of an adapter wait for; `null` if they act everywhere. */
function tokensOf(places: readonly AdaptedPlace[]): readonly number[] | null {
  const found = places.map(({ settings }) => settings.method.target.invocationTokens ?? null);
  const [first = null] = found;
  const other = found.findIndex((tokens) => JSON.stringify(tokens) !== JSON.stringify(first));
  if (other < 0) return first;
  throw refusal(
    'places that wait for other tokens in one adapter',
    places[other]?.path ?? '',
    'give them names of their own, and save two adapters',
  );
}

/** Path of the module that was to be trained, in the tree of today: the model may be a part of another now. */
function savedModule(path: string, { path: then }: TrainedWeight): string {
  const start = `.${path}.`.lastIndexOf(`.${then}.`);
  return start < 0 ? then : path.slice(0, start + then.length);
}

function requireFormat(
  variant: Variant,
  places: readonly { readonly path: string; readonly settings: { readonly variant: Variant } }[],
): PeftFormat {
  const other = places.find(({ settings }) => settings.variant !== variant);
  if (other !== undefined) {
    const both = `'${variant.name}' and '${other.settings.variant.name}' in one adapter`;
    throw refusal(both, other.path, 'give them names of their own, and save two adapters');
  }
  if (variant.peft !== undefined) return variant.peft;
  throw refusal(
    `the method '${variant.name}'`,
    places[0]?.path ?? '',
    'merge it, and save the model',
  );
}

function noAdapter(tuned: unknown, name: string): LorikeetError {
  const names = adapterNames(tuned);
  if (names.includes(name))
    return refusal('an adapter that adapts no weight', name, 'merge it, and save the model');
  return new LorikeetError('no-match', `the model has no adapter '${name}'`, {
    expected: names.join(', ') || 'a model with adapters',
    received: name,
    hint: names.length === 0 ? 'adapt the model first' : nearestOf(name, names),
  });
}

function refusal(what: string, path: string, hint: string): LorikeetError {
  return new LorikeetError('unsupported', `PEFT's files cannot hold ${what}`, { path, hint });
}
