import { baseOf, countParameters, paths, type SharedGroup } from '@lorikeet/nn';
import { byteLengthOf } from '@lorikeet/tensor-core';
import { AdaptedWeight } from './adaptedWeight.ts';
import { disable } from './compose.ts';
import { distinctTensors } from './distinctTensors.ts';
import { formatTable } from './formatTable.ts';
import { isTrainable } from './isTrainable.ts';
import { adapterLayers } from './layers.ts';
import { moduleAdapters } from './modules/moduleAdapter.ts';
import { TrainedWeight } from './trainedWeight.ts';

export interface AdapterRow {
  /** Path of the weight, or of the module. */
  readonly path: string;
  readonly adapter: string;
  /** Name of the variant, or `train`. */
  readonly method: string;
  readonly shape: readonly number[];
  readonly parameters: number;
  readonly bytes: number;
}

export interface Description {
  readonly rows: readonly AdapterRow[];
  readonly trainable: number;
  /** Parameters of the model, those of the adapters included. */
  readonly total: number;
  /** A table for people. */
  toString(): string;
}

/** What is adapted in a model, with counts and bytes. */
export function describe(tuned: unknown): Description {
  const seen = new Set<SharedGroup>();
  const rows = adapterLayers(tuned).map(({ path, layer }): AdapterRow => {
    const own = layer instanceof TrainedWeight ? [layer.value] : Object.values(layer.parameters);
    if (layer instanceof AdaptedWeight && layer.shared !== null && !seen.has(layer.shared.group)) {
      // What places share is counted at the first of them.
      seen.add(layer.shared.group);
      own.push(...Object.values(layer.shared.value.parameters));
    }
    return {
      path,
      adapter: layer.name,
      method: layer instanceof TrainedWeight ? 'train' : layer.settings.variant.name,
      shape: baseOf(layer.base).shape,
      parameters: own.reduce((sum, tensor) => sum + tensor.size, 0),
      bytes: own.reduce((sum, tensor) => sum + byteLengthOf(tensor.dtype, tensor.size), 0),
    };
  });
  const modules = moduleAdapters(tuned).map(({ path, adapter }): AdapterRow => {
    const own = paths(adapter.parameters).map(([, tensor]) => tensor);
    return {
      path: path === '' ? '(model)' : path,
      adapter: adapter.name,
      method: adapter.settings.variant.name,
      shape: [],
      parameters: own.reduce((sum, tensor) => sum + tensor.size, 0),
      bytes: own.reduce((sum, tensor) => sum + byteLengthOf(tensor.dtype, tensor.size), 0),
    };
  });
  const trainable = countParameters(tuned, isTrainable);
  const replaced = rows
    .filter(({ method }) => method === 'train')
    .reduce((sum, { parameters }) => sum + parameters, 0);
  const base = distinctTensors(disable(tuned)).reduce((sum, { size }) => sum + size, 0);
  const total = base + trainable - replaced;
  const all = [...rows, ...modules];
  return { rows: all, trainable, total, toString: () => format(all, trainable, total) };
}

function format(rows: readonly AdapterRow[], trainable: number, total: number): string {
  const cells = rows.map((row) => [
    row.path,
    row.adapter,
    row.method,
    `[${row.shape.join(',')}]`,
    String(row.parameters),
    String(row.bytes),
  ]);
  const table = [['weight', 'adapter', 'method', 'shape', 'parameters', 'bytes'], ...cells];
  const share = total === 0 ? 0 : (100 * trainable) / total;
  return [
    formatTable(table, 4),
    `${trainable} of ${total} parameters train (${share.toFixed(4)} %)`,
  ].join('\n');
}
