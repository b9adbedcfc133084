import { LorikeetError } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import type { AdapterLayer } from '../layers.ts';
import { biasPaths } from '../place.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import { moduleOf } from './adapterTensors.ts';
import { isWithin } from './selectModules.ts';

/** A layer of the adapter, and the path of its weight. */
interface PlacedLayer {
  readonly path: string;
  readonly layer: AdapterLayer;
}

/**
 * Which of PEFT's modes trains the biases that an adapter trains: none, all, or those of adapted modules, a
 * mode that PEFT names after the method.
 *
 * @throws LorikeetError `unsupported` if it is none of these.
 */
export function encodeBias(
  model: unknown,
  layers: readonly PlacedLayer[],
  saved: readonly string[],
  type: string,
): string {
  const trained = pathsOf(
    layers,
    (layer) => layer instanceof TrainedWeight && layer.reason === 'bias',
  );
  if (trained.length === 0) return 'none';
  const weights = pathsOf(layers, (layer) => layer instanceof AdaptedWeight);
  const modules = new Set(weights.map(moduleOf));
  const all = biasPaths(model).filter((path) => !weights.includes(path) && !isWithin(path, saved));
  const own = all.filter((path) => path.endsWith('.bias') && modules.has(moduleOf(path)));
  if (isSame(trained, own)) return `${type.toLowerCase()}_only`;
  if (isSame(trained, all)) return 'all';
  throw new LorikeetError('unsupported', "PEFT's files cannot hold just these trained biases", {
    path:
      own.find((path) => !trained.includes(path)) ?? all.find((path) => !trained.includes(path)),
    hint: 'train all, those of adapted modules, or none',
  });
}

function pathsOf(layers: readonly PlacedLayer[], test: (layer: AdapterLayer) => boolean): string[] {
  return layers.flatMap(({ path, layer }) => (test(layer) ? [path] : []));
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((path) => b.includes(path));
}
