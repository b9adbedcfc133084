import type { Place } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import { type AdapterLayer, isAdapterLayer } from './layers.ts';
import { ModuleAdapter } from './modules/moduleAdapter.ts';
import { TrainedWeight } from './trainedWeight.ts';

/** Whether a tensor of an adapted model trains: for `partition(tuned, isTrainable)`. */
export function isTrainable(_leaf: Tensor, place: Place): boolean {
  return trainedBy(place) !== undefined;
}

/** Like `isTrainable`, for the tensors of one adapter among several. */
export function isTrainableOf(name: string): (leaf: Tensor, place: Place) => boolean {
  return (_leaf, place) => trainedBy(place)?.name === name;
}

/** What a tensor is a trainable part of. */
function trainedBy({ path, ancestors }: Place): AdapterLayer | ModuleAdapter | undefined {
  const adapter = ancestors.find((node) => node instanceof ModuleAdapter);
  // The tree under it may be deep.
  if (adapter !== undefined)
    return path.split('.')[ancestors.indexOf(adapter)] === 'parameters' ? adapter : undefined;
  const layer = ancestors.findLast(isAdapterLayer);
  if (layer === undefined) return undefined;
  const names = path.split('.');
  const within = names.at(layer instanceof TrainedWeight ? -1 : -2);
  return within === (layer instanceof TrainedWeight ? 'value' : 'parameters') ? layer : undefined;
}
