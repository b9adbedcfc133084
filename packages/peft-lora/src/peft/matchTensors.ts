import { at, isReparam, nearestOf } from '@lorikeet/nn';
import { formatShape, LorikeetError, sameShape, Tensor } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { modelPaths } from '../rewrite.ts';
import { type AdapterTensor, prefix } from './adapterTensors.ts';
import type { StoredParts } from './selectModules.ts';

/** `adapter_model.safetensors`, or what stands in for it. */
export type TensorSource = Pick<SafetensorsFile, 'entries' | 'readAs' | 'name'>;

/** What a file holds, and under which key. */
export interface MatchedTensors {
  /** The key in the file for each tensor of the adapter. */
  readonly stored: ReadonlyMap<AdapterTensor, string>;
  /** Weights of the base model that PEFT saved besides, with their keys in the file. */
  readonly copies: ReadonlyMap<string, Tensor>;
}

/**
 * Finds an adapter's tensors in a file, before any is read.
 *
 * @throws LorikeetError `missing-tensor`, `unexpected-tensor` or `shape-mismatch`.
 */
export function matchTensors(
  wanted: readonly AdapterTensor[],
  source: TensorSource,
  model: unknown,
): MatchedTensors {
  const keys = storedKeys(source);
  const found = wanted.flatMap((tensor) => {
    const key = findKey(tensor.key, keys);
    return key === undefined && tensor.isCopy ? [] : [[tensor, key] as const];
  });
  const missing = found.flatMap(([{ key }, stored]) => (stored === undefined ? [key] : []));
  if (missing.length > 0) {
    throw new LorikeetError(
      'missing-tensor',
      `the adapter lacks ${missing.length} tensors that its config asks for`,
      { path: place(source, missing), hint: nearestOf(missing[0] ?? '', [...keys.keys()]) },
    );
  }
  const stored = new Map(found.map(([tensor, key]) => [tensor, key ?? tensor.key]));
  for (const [{ key, tensor }, name] of stored) {
    const shape = source.entries.get(name)?.shape ?? [];
    if (sameShape(shape, tensor.shape)) continue;
    throw new LorikeetError(
      'shape-mismatch',
      'a tensor of the adapter does not fit its config and the model',
      {
        path: place(source, [key]),
        expected: formatShape(tensor.shape),
        received: formatShape(shape),
        hint: 'the adapter was made for another base model, or its config was edited',
      },
    );
  }
  const used = new Set(stored.values());
  const left = [...keys].filter(([key, name]) => !used.has(name) && !isWrapperCopy(key, keys));
  return { stored, copies: findCopies(left, source, model, wanted) };
}

/**
 * What a file has of each module of a model.
 *
 * @param hasAllBiases whether the file has every parameter of the model whose path says `bias`: these tell nothing of
 *   their module.
 */
export function storedParts(
  source: TensorSource,
  model: unknown,
  hasAllBiases: boolean,
): StoredParts {
  const keys = new Set(storedKeys(source).keys());
  const weights = modelPaths(model).weights.filter(
    (path) => !hasAllBiases || !path.includes('bias'),
  );
  return {
    some: (path) => [...keys].some((key) => key.startsWith(`${path}.`)),
    whole: (path) => {
      const own = weights.filter((weight) => weight.startsWith(`${path}.`));
      return own.length > 0 && own.every((weight) => keys.has(weight));
    },
  };
}

/** Keys without the prefix, which files of `inject_adapter_in_model` lack, and the keys as stored. */
export function storedKeys({ entries }: TensorSource): Map<string, string> {
  const names = [...entries.keys()];
  return new Map(
    names.map((name) => [name.startsWith(prefix) ? name.slice(prefix.length) : name, name]),
  );
}

/** The key in the file; old releases of PEFT wrote the bias of an adapted module without its wrapper. */
function findKey(key: string, keys: ReadonlyMap<string, string>): string | undefined {
  return keys.get(key) ?? keys.get(key.replace('.base_layer.', '.'));
}

/** With `bias` all, PEFT writes the biases of a saved module twice more, under the names of its wrapper. */
function isWrapperCopy(key: string, keys: ReadonlyMap<string, string>): boolean {
  const plain = key.replace(/\.(?:modules_to_save|original_module)\./, '.');
  return plain !== key && keys.has(plain);
}

/** Beside an adapted embedding PEFT saves the tables of the base model. */
function findCopies(
  left: readonly (readonly [key: string, name: string])[],
  source: TensorSource,
  model: unknown,
  wanted: readonly AdapterTensor[],
): Map<string, Tensor> {
  const weights = new Set(modelPaths(model).weights);
  const copies = new Map<string, Tensor>();
  const unexpected: string[] = [];
  for (const [key, name] of left) {
    const path = key.replace('.base_layer.', '.');
    const weight = weights.has(path) ? baseTensor(at(model, path)) : undefined;
    const shape = source.entries.get(name)?.shape ?? [];
    if (weight !== undefined && sameShape(shape, weight.shape)) copies.set(name, weight);
    else unexpected.push(key);
  }
  if (unexpected.length === 0) return copies;
  throw new LorikeetError(
    'unexpected-tensor',
    `the adapter has ${unexpected.length} tensors that its config does not explain`,
    {
      path: place(source, unexpected),
      hint: nearestOf(
        unexpected[0] ?? '',
        wanted.map(({ key }) => key),
      ),
    },
  );
}

function baseTensor(weight: unknown): Tensor | undefined {
  if (weight instanceof Tensor) return weight;
  return isReparam(weight) ? baseTensor(weight.base) : undefined;
}

function place({ name }: TensorSource, keys: readonly string[]): string {
  const first = keys.slice(0, 5).join(', ');
  return `${name}: ${keys.length > 5 ? `${first} and ${keys.length - 5} more` : first}`;
}
