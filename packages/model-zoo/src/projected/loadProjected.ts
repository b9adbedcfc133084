import { isMirrored, Linear } from '@lorikeet/nn';
import { formatShape, LorikeetError, tensor } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import type { BaseModel } from '../heads/headedModel.ts';
import type { Model } from '../model.ts';
import { ProjectedModel, projectedType } from './projectedModel.ts';

/** Where a checkpoint has the model without a head, of which it is made. */
export interface ProjectedLayout {
  /** What comes before the names of its tensors. */
  readonly prefix: string;
  readonly config: unknown;
  /** Whether there must be a projection. */
  readonly isProjected: boolean;
}

type FloatDType = 'f16' | 'bf16' | 'f32' | 'f64';

interface Source {
  readonly config: unknown;
  readonly tensors: SafetensorsFile;
}

/** What PEFT calls the class of a shadow alone; its `model_type` is that of the model within. */
const detachedClass = 'DetachedShadowModel';
const projectionName = 'shadow_hidden_projection.weight';

/** How a checkpoint is laid out that ShadowPEFT or PEFT's `unload_shadow` made; `undefined` for others. */
export function projectedLayout(config: unknown): ProjectedLayout | undefined {
  if (typeof config !== 'object' || config === null) return undefined;
  if (Reflect.get(config, 'model_type') === projectedType) {
    const inner: unknown = Reflect.get(config, 'shadow_model_config');
    return { prefix: 'shadow_model.', config: unnamed(inner), isProjected: true };
  }
  const names: unknown = Reflect.get(config, 'architectures');
  if (!Array.isArray(names) || names[0] !== detachedClass) return undefined;
  return { prefix: 'backbone.', config: unnamed(config), isProjected: false };
}

/** A config of the model within: the name of a class there is that of a whole. */
function unnamed(config: unknown): unknown {
  return typeof config === 'object' && config !== null
    ? { ...config, architectures: null }
    : config;
}

/**
 * The shadow that such a checkpoint has: with its projection, or the model alone where there is none. The output layer that some
 * have is the larger model's, and is left there.
 *
 * @param dtype what the projection becomes.
 * @param load loads a model without a head.
 * @throws LorikeetError `missing-tensor` without a projection that there must be; `shape-mismatch` for one of another model;
 *   `unsupported` for a model that cannot be a shadow; and as `load` does.
 */
export async function loadProjected(
  { prefix, config, isProjected }: ProjectedLayout,
  tensors: SafetensorsFile,
  dtype: FloatDType,
  load: (source: Source) => Promise<Model>,
): Promise<Model> {
  const path = `${tensors.name}: ${projectionName}`;
  const shape = tensors.entries.get(projectionName)?.shape;
  if (shape === undefined && isProjected)
    throw new LorikeetError('missing-tensor', 'a projected shadow lacks its projection', {
      path,
      expected: '[width of the larger model, width of the shadow]',
      received: 'no such tensor',
    });
  if (projectedLayout(config) !== undefined)
    throw new LorikeetError('unsupported', 'a shadow within a shadow', { path: tensors.name });
  const backbone = await load({ config, tensors: within(tensors, prefix) });
  if (shape === undefined) return backbone;
  const shadow = requireBackbone(backbone, tensors.name);
  const { width } = shadow.inputSite;
  if (shape.length !== 2 || shape[1] !== width)
    throw new LorikeetError('shape-mismatch', 'the projection of a shadow does not fit its model', {
      path,
      expected: `[width of the larger model,${width}]`,
      received: formatShape(shape),
    });
  const weight = tensor(await tensors.readAs(projectionName, dtype), shape, dtype);
  return new ProjectedModel(shadow, new Linear(weight, null));
}

function requireBackbone(model: Model, path: string): BaseModel {
  if (isBackbone(model)) return model;
  throw new LorikeetError(
    'unsupported',
    `a shadow of the kind '${String(model.config.model_type)}'`,
    {
      path,
      expected: 'a model of text of GPT-2, or of a family like Llama',
    },
  );
}

/** Whether a model can be a shadow, and be saved as one. */
export function isBackbone(model: unknown): model is BaseModel {
  return isMirrored(model) && 'config' in model;
}

/** The tensors whose names begin so, without it. */
function within(file: SafetensorsFile, prefix: string): SafetensorsFile {
  const own = [...file.entries].filter(([name]) => name.startsWith(prefix));
  return {
    name: file.name,
    metadata: file.metadata,
    entries: new Map(own.map(([name, entry]) => [name.slice(prefix.length), entry])),
    read: (name) => file.read(prefix + name),
    readAs: (name, dtype) => file.readAs(prefix + name, dtype),
    close: () => file.close(),
  };
}
