import { nearestOf } from '@lorikeet/nn';
import {
  formatShape,
  LorikeetError,
  mapTensors,
  sameShape,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { type AdaptSpec, adapt, train } from '../adapt.ts';
import type { Variant } from '../variant.ts';
import { adapterTensors, prefix } from './adapterTensors.ts';
import { findSavedModules, findTargets } from './findTargets.ts';
import { methodOf } from './findVariant.ts';
import { parsePlacement } from './peftConfig.ts';

/** An adapter in the format of Hugging Face PEFT. */
export interface AdapterFiles {
  /** The parsed `adapter_config.json`. */
  readonly config: unknown;
  /** `adapter_model.safetensors`. */
  readonly tensors: Pick<SafetensorsFile, 'entries' | 'readAs' | 'name'>;
}

export interface DecodeOptions {
  /** Name for the adapter. Defaults to `default`. */
  readonly name?: string;
  /** Variants from elsewhere whose `peft.type` the config may name. */
  readonly variants?: readonly Variant[];
}

/**
 * Puts a saved adapter on its base model.
 *
 * @throws LorikeetError `unsupported` for a method or active option that is not built; `no-match` for a target
 *   that is not in the model; `missing-tensor`, `unexpected-tensor`, `shape-mismatch`; `invalid-config`.
 */
export async function decodeAdapter<T>(
  model: T,
  { config, tensors: file }: AdapterFiles,
  options: DecodeOptions = {},
): Promise<T> {
  const { name = 'default' } = options;
  const placement = parsePlacement(config);
  const method = methodOf(placement, options.variants ?? []);
  const saved = findSavedModules(model, placement);
  const spec: AdaptSpec = Object.fromEntries([
    ...findTargets(model, placement, saved).map((path) => [path, method] as const),
    ...saved.map((path) => [path, train()] as const),
  ]);
  const tuned = adapt(model, spec, { name });
  const wanted = adapterTensors(tuned, name);
  const stored = storedKeys(file);
  requireFit(wanted, stored, file);

  const read = new Map<Tensor, Tensor>();
  for (const [key, leaf] of wanted)
    read.set(leaf, tensor(await file.readAs(stored.get(key) ?? key, 'f32'), leaf.shape));
  return mapTensors(tuned, (leaf) => read.get(leaf) ?? leaf);
}

/** Copies that PEFT writes besides when `bias` is `all`: the trained bias once more, and the first one. */
const wrapperCopy = /\.(modules_to_save|original_module)\.bias$/;

/** Keys without the prefix, which files of `inject_adapter_in_model` lack, and the keys as stored. */
function storedKeys({ entries }: AdapterFiles['tensors']): Map<string, string> {
  const own = [...entries.keys()].filter((key) => !wrapperCopy.test(key));
  return new Map(own.map((key) => [key.startsWith(prefix) ? key.slice(prefix.length) : key, key]));
}

function requireFit(
  wanted: ReadonlyMap<string, Tensor>,
  stored: ReadonlyMap<string, string>,
  { entries, name: file }: AdapterFiles['tensors'],
): void {
  const missing = [...wanted.keys()].filter((key) => !stored.has(key));
  if (missing.length > 0) {
    throw new LorikeetError(
      'missing-tensor',
      `the adapter lacks ${missing.length} tensors that its config asks for`,
      {
        path: `${file}: ${missing.slice(0, 5).join(', ')}`,
        hint: nearestOf(missing[0] ?? '', [...stored.keys()]),
      },
    );
  }
  const unexpected = [...stored.keys()].filter((key) => !wanted.has(key));
  if (unexpected.length > 0) {
    throw new LorikeetError(
      'unexpected-tensor',
      `the adapter has ${unexpected.length} tensors that its config does not explain`,
      {
        path: `${file}: ${unexpected.slice(0, 5).join(', ')}`,
        hint: nearestOf(unexpected[0] ?? '', [...wanted.keys()]),
      },
    );
  }
  for (const [key, { shape }] of wanted) {
    const got = entries.get(stored.get(key) ?? key)?.shape ?? [];
    if (sameShape(got, shape)) continue;
    throw new LorikeetError(
      'shape-mismatch',
      'a tensor of the adapter does not fit its config and the model',
      {
        path: `${file}: ${key}`,
        expected: formatShape(shape),
        received: formatShape(got),
      },
    );
  }
}
