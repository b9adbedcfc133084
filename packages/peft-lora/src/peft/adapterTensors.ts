import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedBias } from '../adaptedBias.ts';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { adapterLayers } from '../layers.ts';

/** What every key starts with: the wrapper's place of the model. */
export const prefix = 'base_model.model.';

/** The trained tensors of one adapter under the keys of PEFT's file, without the prefix. */
export function adapterTensors(tuned: unknown, name: string): Map<string, Tensor> {
  const layers = adapterLayers(tuned).filter(({ layer }) => layer.name === name);
  const targeted = new Set(
    layers.flatMap(({ layer }) => (layer instanceof AdaptedWeight ? [layer.settings.path] : [])),
  );
  const tensors = new Map<string, Tensor>();
  for (const { path, layer } of layers) {
    if (layer instanceof AdaptedWeight) {
      const { variant, site, path: module } = layer.settings;
      const keys = variant.peft?.keys(site.kind) ?? {};
      for (const [parameter, tensor] of Object.entries(layer.parameters))
        tensors.set(`${module}.${keyOf(keys, parameter, variant.name)}`, tensor);
    } else if (layer instanceof AdaptedBias) {
      const { variant, path: module } = layer.settings;
      const keys = variant.bias?.peftKeys ?? {};
      for (const [parameter, tensor] of Object.entries(layer.parameters))
        tensors.set(`${module}.${keyOf(keys, parameter, variant.name)}`, tensor);
    } else {
      tensors.set(layer.reason === 'bias' ? biasKey(path, targeted) : path, layer.value);
    }
  }
  return tensors;
}

/** The bias of an adapted module lies under PEFT's wrapper. */
function biasKey(path: string, targeted: ReadonlySet<string>): string {
  const module = path.slice(0, -'.bias'.length);
  return targeted.has(module) ? `${module}.base_layer.bias` : path;
}

function keyOf(keys: Readonly<Record<string, string>>, parameter: string, variant: string): string {
  const key = keys[parameter];
  if (key !== undefined) return key;
  throw new LorikeetError(
    'unsupported',
    `${variant} has no place for '${parameter}' in the files of PEFT`,
    { hint: 'give the variant a `peft` format' },
  );
}
