import {
  matcher,
  paths,
  type QuantizeSpec,
  type Reparam,
  replaceAt,
  tiedPaths,
} from '@lorikeet/nn';
import { LorikeetError, mapTensors, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { matchNames } from './checkpointNames.ts';
import { findArchitecture } from './findFamily.ts';
import type { HeadName } from './heads/headNames.ts';
import type { Model } from './model.ts';
import { allowancesOfNewHead } from './newHead.ts';
import { loadProjected, projectedLayout } from './projected/loadProjected.ts';
import { type QuantizeName, weightQuantizer } from './quantizeWhileLoading.ts';
import { type Allowances, requireFit } from './requireFit.ts';

export interface LoadOptions extends Allowances {
  /** Name of transformers' class, if not the one that the config names. */
  readonly architecture?: string;
  /** What the head is for, in place of the name of a class. */
  readonly head?: HeadName;
  /**
   * Whether parts of a head that the checkpoint does not have, since its own head is another one, are made from `key`. Else, they
   * must be named in `allowMissing`. Defaults to false.
   */
  readonly newHead?: boolean;
  /** Fields that the config shall have in place of its own, such as `num_labels` for a new head. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** For what the checkpoint lacks. Defaults to that of seed 0. */
  readonly key?: Tensor;
  /** What floating-point tensors become. Defaults to f32. */
  readonly dtype?: 'f16' | 'bf16' | 'f32' | 'f64';
  /**
   * Quantises weights as they are read, one at a time, so that the whole is never in memory: all matrices of linear layers but
   * the output layer of a language model, in blocks of 64; or what is selected, as in `quantizeWeights`.
   */
  readonly quantize?: QuantizeName | QuantizeSpec;
}

/**
 * A model with the weights of a checkpoint. Each tensor is read once, straight into its place; names of old
 * checkpoints and of checkpoints of the base model alone are understood. A shadow that ShadowPEFT or PEFT saved alone is a
 * `ProjectedModel`, or the model within if its width is that of the larger one.
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
  const layout = projectedLayout(source.config);
  if (layout !== undefined) {
    const own = withoutHead(options, tensors.name);
    return loadProjected(layout, tensors, dtype, (inner) => loadModel(inner, own));
  }
  const asked = withFields(source.config, options.config);
  const { family, architecture, config } = findArchitecture(asked, options);
  const skeleton = architecture.init(config, key);
  const wanted = new Map(paths(skeleton).map(([name, { shape }]) => [name, shape]));
  const tied = Object.fromEntries(tiedPaths(skeleton));
  const own = new Set(wanted.keys());
  const names = matchNames(tensors.entries.keys(), own, family, architecture, tied);
  const isNeeded = (name: string): boolean =>
    names.found.has(name) || architecture.optional?.test(name) !== true;
  const needed = new Map([...wanted].filter(([name]) => isNeeded(name)));
  const { allowMissing = [], allowUnexpected = [] } = options;
  const heads =
    options.newHead === true ? allowancesOfNewHead(asked, wanted.keys(), key) : undefined;
  requireFit(needed, tensors, names, {
    allowMissing: [...allowMissing, ...(heads?.allowMissing ?? [])],
    allowUnexpected: [...allowUnexpected, ...(heads?.allowUnexpected ?? [])],
  });

  const quantize = weightQuantizer(skeleton, options.quantize, {
    base: family.base,
    shared: new Set(Object.values(tied)),
  });
  const loaded = new Map<string, Tensor>();
  const quantized = new Map<string, Reparam>();
  for (const [name, stored] of names.found) {
    const weight = tensor(await tensors.readAs(stored, dtype), wanted.get(name), dtype);
    const small = quantize(name, weight);
    if (small === undefined) loaded.set(name, weight);
    else quantized.set(name, small);
  }
  for (const [copy, name] of Object.entries(tied)) {
    const kept = loaded.get(name);
    // A bias that has lost its use may be anything.
    const isUsed = architecture.ignored?.test(copy) !== true;
    const isCompared = isUsed && tensors.entries.has(copy) && names.found.get(name) !== copy;
    if (kept !== undefined && isCompared && !options.allowUnexpected?.some((s) => matcher(s)(copy)))
      await requireEqual(tensors, copy, { name, kept });
  }
  let model = mapTensors(skeleton, (leaf, path) => loaded.get(path.join('.')) ?? leaf.cast(dtype));
  for (const [name, small] of quantized) model = replaceAt(model, name, small);
  return model;
}

/** Throws `unsupported` if a head is asked for. */
function withoutHead({ architecture, head, ...others }: LoadOptions, path: string): LoadOptions {
  const wanted = architecture ?? head ?? 'feature-extraction';
  if (wanted === 'feature-extraction') return { ...others, head: wanted };
  throw new LorikeetError('unsupported', 'a shadow alone has no head', { path, received: wanted });
}

function withFields(config: unknown, fields: LoadOptions['config'] = {}): unknown {
  if (typeof config !== 'object' || config === null) return config;
  // The names of other labels do not say how many there are now.
  const stale = 'num_labels' in fields ? ['id2label', 'label2id'] : [];
  const kept = Object.entries(config).filter(([field]) => !stale.includes(field));
  return { ...Object.fromEntries(kept), ...fields };
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
