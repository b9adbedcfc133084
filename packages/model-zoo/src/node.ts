/** Models in folders, in Node. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Linear, paths } from '@lorikeet/nn';
import { evaluate, LorikeetError, randomKey, sameShape } from '@lorikeet/tensor-core';
import { type SaveShardedOptions, saveSharded } from '@lorikeet/tensor-core/safetensors/node';
import { findArchitecture } from './findFamily.ts';
import { initModel } from './initModel.ts';
import { type LoadOptions, loadModel } from './loadModel.ts';
import type { Model } from './model.ts';
import { configText } from './node/configText.ts';
import type { HubOptions } from './node/hub/hubOptions.ts';
import { modelFolder } from './node/hub/modelFolder.ts';
import { openCheckpoint } from './node/openCheckpoint.ts';
import { isBackbone } from './projected/loadProjected.ts';
import { ProjectedModel } from './projected/projectedModel.ts';

export { downloadBar } from './node/hub/downloadBar.ts';
export type { DownloadProgress, HubOptions } from './node/hub/hubOptions.ts';
export { loadGenerationConfig } from './node/loadGenerationConfig.ts';
export { loadTokenizer } from './node/loadTokenizer.ts';
export { type FairseqCheckpoint, openFairseq } from './node/openFairseq.ts';
export { openPytorch } from './node/openPytorch.ts';
export { saveTokenizer } from './node/saveTokenizer.ts';

/**
 * Loads a model from a Hugging Face folder, or from a hub by its name, through the cache of Hugging Face's programs: `config.json`, and the weights in one safetensors file or several
 * with an index, or in what `torch.save` wrote, of which nothing is run. Or a RoBERTa of fairseq: `model.pt` and `dict.txt`.
 * Throws as `loadModel` does, and `invalid-file`; `download-failed` for a name that is neither a folder nor to be had.
 *
 * @example
 * const model = await load('bert-base-uncased', { allowMissing: ['classifier.*'] });
 */
export async function load(
  dirOrId: string,
  options: LoadOptions & HubOptions = {},
): Promise<Model> {
  const checkpoint = await openCheckpoint(await modelFolder(dirOrId, 'model', options));
  try {
    return await loadModel(checkpoint, options);
  } finally {
    await checkpoint.tensors.close();
  }
}

/**
 * The `config.json` of a model, from its folder or from a hub, where the model is fetched too. Throws `download-failed`, and
 * `invalid-file` for what is no JSON object.
 */
export async function loadConfig(
  dirOrId: string,
  options: HubOptions = {},
): Promise<Readonly<Record<string, unknown>>> {
  const { config, tensors } = await openCheckpoint(await modelFolder(dirOrId, 'model', options));
  await tensors.close();
  if (typeof config === 'object' && config !== null && !Array.isArray(config))
    return Object.fromEntries(Object.entries(config));
  throw new LorikeetError('invalid-file', 'config.json is no object', { path: dirOrId });
}

export interface SaveOptions extends Pick<SaveShardedOptions, 'maxShardBytes'> {
  /** What weights are rounded to, to the nearest. Defaults to f32. */
  readonly dtype?: 'f32' | 'f16' | 'bf16';
}

/**
 * Saves a model as a Hugging Face folder: `config.json` and safetensors, tied weights once.
 *
 * @param options `maxShardBytes`: more than that becomes several files with an index. Defaults to 5e9.
 * @throws LorikeetError `tree-mismatch` if the model is not what its config says: with adapters, for one.
 */
export async function save(model: Model, dir: string, options: SaveOptions = {}): Promise<void> {
  if (model instanceof ProjectedModel)
    requireOwnTree(model.shadow_model, headless(model.shadow_model.config));
  else requireOwnTree(model, model.config);
  await write(model, model.config, dir, options);
}

/**
 * Saves a shadow as a folder that PEFT's `shadow_model` can name: the model without a head or, where it has a projection, a projected
 * shadow checkpoint. The output layer is the larger model's, and is not in it.
 *
 * @param shadow what `unloadShadow` of `@lorikeet/peft-lora` gives, or a `ProjectedModel`.
 * @throws LorikeetError `unsupported` for a model that is not of this package; and as `save` does.
 * @example
 * await saveShadow(unloadShadow(tuned), 'small');
 * const again = adapt(model, { '': shadow({ shadowModel: 'small' }, await load('small')) });
 */
export async function saveShadow(
  { backbone, projection }: { readonly backbone: object; readonly projection: Linear | null },
  dir: string,
  options: SaveOptions = {},
): Promise<void> {
  if (!isBackbone(backbone))
    throw new LorikeetError('unsupported', 'the model of a shadow has no config to be saved', {
      expected: 'a model of @lorikeet/model-zoo',
    });
  if (projection !== null) return save(new ProjectedModel(backbone, projection), dir, options);
  const config = headless(backbone.config);
  requireOwnTree(backbone, config);
  await write(backbone, config, dir, options);
}

/** The config with the name of the class without a head. */
function headless(config: ModelConfig): ModelConfig {
  const { config: own } = findArchitecture(config, { head: 'feature-extraction' });
  return Object.fromEntries(Object.entries(Object(own)));
}

type ModelConfig = Model['config'];

async function write(
  tree: unknown,
  config: ModelConfig,
  dir: string,
  { dtype = 'f32', ...options }: SaveOptions,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  await evaluate(tree);
  const tensors = paths(tree).map(
    ([name, leaf]) =>
      [
        name,
        {
          dtype: storedAs[dtype].stored,
          shape: leaf.shape,
          data: async () => {
            const data = await leaf.data();
            return data instanceof Float32Array ? data : new Float32Array(data);
          },
        },
      ] as const,
  );
  await saveSharded(dir, tensors, { ...options, metadata: [['format', 'pt']] });
  await writeFile(join(dir, 'config.json'), configText(withDtype(config, dtype)));
}

/** The config with the dtype of what is stored, in that of a model within too. */
function withDtype(config: ModelConfig, dtype: keyof typeof storedAs): ModelConfig {
  return Object.fromEntries(
    Object.entries(config).map(([field, value]) => {
      if (field === 'shadow_model_config') return [field, withDtype(Object(value), dtype)];
      return [field, dtypeFields.includes(field) ? storedAs[dtype].name : value];
    }),
  );
}

/** How files and configs call dtypes. */
const storedAs = {
  f32: { stored: 'F32', name: 'float32' },
  f16: { stored: 'F16', name: 'float16' },
  bf16: { stored: 'BF16', name: 'bfloat16' },
} as const;

/** What transformers 5 and 4 call the dtype of the stored weights, and read them back in. */
const dtypeFields: readonly string[] = ['dtype', 'torch_dtype'];

function requireOwnTree(tree: unknown, config: ModelConfig): void {
  const expected = new Map(paths(initModel(config, randomKey(0))));
  const found = new Map(paths(tree));
  const isSame = (name: string): boolean =>
    sameShape(expected.get(name)?.shape ?? [-1], found.get(name)?.shape ?? [-2]);
  const different = [...found.keys(), ...expected.keys()].find((name) => !isSame(name));
  if (different === undefined) return;
  throw new LorikeetError('tree-mismatch', 'the model is not what its config says', {
    path: different,
    expected: expected.get(different)?.toString() ?? 'no tensor here',
    received: found.get(different)?.toString() ?? 'no tensor here',
    hint: 'merge its adapters first, or save them alone',
  });
}
