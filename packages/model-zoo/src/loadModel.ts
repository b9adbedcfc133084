import { matcher, paths, tiedPaths } from '@lorikeet/nn';
import { LorikeetError, mapTensors, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { matchNames } from './checkpointNames.ts';
import { findArchitecture } from './findFamily.ts';
import type { Model } from './model.ts';
import { type Allowances, requireFit } from './requireFit.ts';

export interface LoadOptions extends Allowances {
  /** Name of transformers' class, if not the one that the config names. */
  readonly architecture?: string;
  /** For what the checkpoint lacks. Defaults to that of seed 0. */
  readonly key?: Tensor;
  /** What floating-point tensors become. Defaults to f32. */
  readonly dtype?: 'f32' | 'f64';
}

/**
 * A model with the weights of a checkpoint. Each tensor is read once, straight into its place; names of old
 * checkpoints and of checkpoints of the base model alone are understood.
 *
 * @param source the parsed `config.json`, and the checkpoint.
 * @throws LorikeetError `invalid-config`; `unsupported` for a model that is not built or an output layer that is
 *   not tied; `missing-tensor`, `unexpected-tensor`, `shape-mismatch`, each before any tensor is read.
 */
export async function loadModel(
  source: { readonly config: unknown; readonly tensors: SafetensorsFile },
  options: LoadOptions = {},
): Promise<Model> {
  const { key = randomKey(0), dtype = 'f32' } = options;
  const { tensors } = source;
  const { family, architecture, config } = findArchitecture(source.config, options.architecture);
  const skeleton = architecture.init(config, key);
  const wanted = new Map(paths(skeleton).map(([name, { shape }]) => [name, shape]));
  const tied = Object.fromEntries(tiedPaths(skeleton));
  const own = new Set(wanted.keys());
  const names = matchNames(tensors.entries.keys(), own, family, architecture, tied);
  const isNeeded = (name: string): boolean =>
    names.found.has(name) || architecture.optional?.test(name) !== true;
  const needed = new Map([...wanted].filter(([name]) => isNeeded(name)));
  requireFit(needed, tensors, names, options);

  const loaded = new Map<string, Tensor>();
  for (const [name, stored] of names.found)
    loaded.set(name, tensor(await tensors.readAs(stored, dtype), wanted.get(name), dtype));
  for (const [copy, name] of Object.entries(tied)) {
    const kept = loaded.get(name);
    const isCompared = tensors.entries.has(copy) && names.found.get(name) !== copy;
    if (kept !== undefined && isCompared && !options.allowUnexpected?.some((s) => matcher(s)(copy)))
      await requireEqual(tensors, copy, { name, kept });
  }
  return mapTensors(skeleton, (leaf, path) => loaded.get(path.join('.')) ?? leaf.cast(dtype));
}

/** A copy that differs from its tensor would give other outputs than the model does: it must not pass in silence. */
async function requireEqual(
  tensors: SafetensorsFile,
  copy: string,
  { name, kept }: { readonly name: string; readonly kept: Tensor },
): Promise<void> {
  const [values, others] = [await kept.data(), await tensors.readAs(copy, kept.dtype)];
  if (values.length === others.length && values.every((value, i) => Object.is(value, others[i])))
    return;
  throw new LorikeetError('unsupported', 'an output layer that is not tied to its embedding', {
    path: `${tensors.name}: ${copy}`,
    expected: `the values of ${name}`,
    received: 'others',
    hint: `name it in allowUnexpected to use ${name} in its place, as tie_word_embeddings says`,
  });
}
