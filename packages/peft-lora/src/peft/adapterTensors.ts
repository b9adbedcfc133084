import { isReparam } from '@lorikeet/nn';
import { childrenOf, isTreeNode, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedBias } from '../adaptedBias.ts';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { type AdapterLayer, adapterLayers, isAdapterLayer } from '../layers.ts';

/** What every key starts with: the wrapper's place of the model. */
export const prefix = 'base_model.model.';

/** One trained tensor of an adapter. */
export interface AdapterTensor {
  /** In PEFT's file, without the prefix. */
  readonly key: string;
  /** In the adapted model. */
  readonly path: string;
  readonly tensor: Tensor;
}

/** The trained tensors of one adapter. Throws `unsupported` if PEFT's files have no place for one. */
export function adapterTensors(tuned: unknown, name: string): AdapterTensor[] {
  const adapted = new Set(
    adapterLayers(tuned).flatMap(({ path, layer }) =>
      layer instanceof AdaptedWeight && layer.name === name ? [moduleOf(path)] : [],
    ),
  );
  return placedLayers(tuned, name).flatMap(({ layer, weight, path }) => {
    if (layer instanceof AdaptedWeight || layer instanceof AdaptedBias) {
      return Object.entries(layer.parameters).map(([parameter, tensor]) => ({
        key: `${moduleOf(weight)}.${keyOf(layer, parameter)}`,
        path: `${path}.parameters.${parameter}`,
        tensor,
      }));
    }
    const key = layer.reason === 'bias' ? biasKey(weight, adapted) : weight;
    return [{ key, path: `${path}.value`, tensor: layer.value }];
  });
}

/** The layers of an adapter, each with the path of its weight in the base and its own in the adapted model. */
function placedLayers(
  tuned: unknown,
  name: string,
): { readonly layer: AdapterLayer; readonly weight: string; readonly path: string }[] {
  const found: ReturnType<typeof placedLayers> = [];
  const walk = (node: unknown, weight: readonly string[], path: readonly string[]): void => {
    if (isReparam(node)) {
      if (isAdapterLayer(node) && node.name === name)
        found.push({ layer: node, weight: weight.join('.'), path: path.join('.') });
      walk(node.base, weight, [...path, 'base']);
    } else if (isTreeNode(node)) {
      for (const [field, child] of childrenOf(node))
        walk(child, [...weight, field], [...path, field]);
    }
  };
  walk(tuned, [], []);
  return found;
}

/** The bias of an adapted module lies under PEFT's wrapper. */
function biasKey(weight: string, adapted: ReadonlySet<string>): string {
  const module = moduleOf(weight);
  return adapted.has(module) ? `${module}.base_layer${weight.slice(module.length)}` : weight;
}

/** Path of the module that a weight is a field of. */
export function moduleOf(weight: string): string {
  return weight.slice(0, Math.max(weight.lastIndexOf('.'), 0));
}

function keyOf(layer: AdaptedWeight | AdaptedBias, parameter: string): string {
  const { variant, site, path } = layer.settings;
  const keys =
    layer instanceof AdaptedBias ? variant.bias?.peftKeys : variant.peft?.keys(site.kind);
  const key = keys !== undefined && Object.hasOwn(keys, parameter) ? keys[parameter] : undefined;
  if (key !== undefined) return key;
  throw new LorikeetError(
    'unsupported',
    `${variant.name} has no place for '${parameter}' in the files of PEFT`,
    { path, hint: 'give the variant a `peft` format' },
  );
}
