import { type Tensor, tensor } from '@lorikeet/tensor-core';
import { type AdaptedModule, adaptedModules } from './adaptedModules.ts';
import { moduleOf } from './adapterTensors.ts';
import { bareModule, treeOf } from './bareTree.ts';
import { type AdapterFiles, type DecodeOptions, decodePlaced } from './decodeAdapter.ts';
import { escapePath } from './encodePlacement.ts';
import { methodOf, moduleMethodOf } from './findVariant.ts';
import { storedKeys, type TensorSource } from './matchTensors.ts';
import { type PeftPlacement, parsePlacement, requireRecord } from './peftConfig.ts';
import { needsBase, unknownWeight, unreadable } from './unknownWeight.ts';

/**
 * Reads an adapter by itself, on a tree of just the modules that its files tell of, whose weights are not known. It can be
 * analysed, resized, combined and saved; whatever would depend on a weight of the base is refused when it is computed.
 *
 * @throws LorikeetError `unsupported` for a method whose files do not tell the sizes of the weights, which are all but those
 *   with two thin factors; else as `decodeAdapter` does.
 */
export async function decodeWithoutBase(
  { config, tensors }: AdapterFiles,
  options: DecodeOptions = {},
): Promise<unknown> {
  const json = requireRecord(config);
  const words = parsePlacement(json);
  const around = moduleMethodOf(json, options.moduleVariants ?? []);
  if (around !== undefined) throw unreadable(around.variant.name);
  if ((words.target_parameters ?? []).length > 0)
    throw needsBase('the files do not tell of which parameters the updates are');
  const { variant, config: parsed } = methodOf(json, words, options.variants ?? []);
  const keys = storedKeys(tensors);
  const adapted = adaptedModules(variant, parsed, keys, tensors);
  const own = new Set([...adapted.values()].flatMap((module) => module.keys));

  const values = new Map<string, Tensor>();
  for (const [key, name] of keys)
    if (!own.has(key)) values.set(key, await bareValue(key, name, adapted, tensors));
  const fanInFanOut = json.fan_in_fan_out === true;
  const nodes = new Map<string, object>();
  for (const [path, module] of adapted) {
    const stored = (field: string): Tensor | undefined =>
      values.get(`${path}.base_layer.${field}`) ?? values.get(`${path}.${field}`);
    const bias = stored('bias') ?? (module.hasBias ? unknownWeight([module.left[0] ?? 0]) : null);
    nodes.set(path, bareModule({ ...module, bias, weight: stored('weight'), fanInFanOut }));
  }
  for (const [key, value] of values) if (!isWithin(key, adapted)) nodes.set(key, value);
  const placed = { ...words, ...placementOf([...nodes.keys()], adapted, words) };
  return decodePlaced(
    treeOf(nodes),
    { json, words: placed, source: tensors },
    { ...options, strict: false },
  );
}

/** A tensor of the file that belongs to the base: its values, for a weight under an adapter, else its shape. */
async function bareValue(
  key: string,
  name: string,
  adapted: ReadonlyMap<string, AdaptedModule>,
  source: TensorSource,
): Promise<Tensor> {
  const shape = source.entries.get(name)?.shape ?? [];
  if (key.includes('.token_adapter.'))
    throw needsBase('the adapter has trained rows of a table that is not there', key);
  return isWithin(key, adapted) && key.endsWith('.weight')
    ? tensor(await source.readAs(name, 'f32'), shape)
    : unknownWeight(shape);
}

/** What of a placement fits just what the files have. */
function placementOf(
  paths: readonly string[],
  adapted: ReadonlyMap<string, AdaptedModule>,
  { bias }: PeftPlacement,
): Partial<PeftPlacement> {
  const whole = paths.filter((path) => !adapted.has(path));
  const saved = whole.filter((path) => bias !== 'all' || !path.includes('bias')).map(moduleOf);
  return {
    target_modules: [...adapted.keys()].map(escapePath).join('|'),
    modules_to_save: [...new Set(saved)],
    exclude_modules: [],
    layers_to_transform: [],
    layers_pattern: [],
    // The files have the layers of the deeper stack.
    layer_replication: null,
  };
}

function isWithin(key: string, adapted: ReadonlyMap<string, AdaptedModule>): boolean {
  const module = moduleOf(key);
  return adapted.has(module) || adapted.has(module.replace(/\.base_layer$/, ''));
}
