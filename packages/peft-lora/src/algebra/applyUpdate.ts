import { at, materialize } from '@lorikeet/nn';
import { add, LorikeetError, randomKey } from '@lorikeet/tensor-core';
import { requireFreeName } from '../adapt.ts';
import { AdaptedBias } from '../adaptedBias.ts';
import { AdaptedWeight, type AdapterSettings } from '../adaptedWeight.ts';
import { type AdapterLayer, mapAdapted } from '../layers.ts';
import { isWeight, place } from '../place.ts';
import { rewrite } from '../rewrite.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import type { Method, Tensors } from '../variant.ts';
import { lora } from '../variants/lora.ts';
import { type AdapterUpdate, mapRecord, type WholeUpdate } from './adapterUpdate.ts';
import { type LowRank, rankOf, sumOf } from './lowRank.ts';

/**
 * Puts an update on a model as a LoRA adapter, which can be trained on, mixed and saved like any other. Each weight has
 * the rank of its pair.
 *
 * @param options `name`: of the new adapter, `default` if not given.
 * @returns a new model; the given one stays whole.
 * @throws LorikeetError `no-match` for a path that the model lacks, `shape-mismatch`, `invalid-argument` for a name
 *   that is taken.
 */
export function applyUpdate<T>(
  model: T,
  { pairs, biases, wholes }: AdapterUpdate,
  { name = 'default' }: { readonly name?: string } = {},
): T {
  requireFreeName(model, name);
  for (const path of [...Object.keys(pairs), ...Object.keys(wholes)]) at(model, path);
  const trained = Object.entries(wholes).map(
    ([path, whole]) => [path, (node: unknown) => wholeOver(node, whole, name)] as const,
  );
  const used = mapRecord(pairs, (pair, path) =>
    // The bias beside it has the same scale: of both, 1.
    biases[path] === undefined ? pair : sumOf([pair]),
  );
  const placements = Object.entries(used).map(([path, pair]) => {
    const rank = rankOf(pair);
    const loraBias = biases[path] !== undefined;
    return [path, lora({ rank, alpha: pair.scale * rank, loraBias }) as Method] as const;
  });
  const placed = place(rewrite(model, new Map(trained)), new Map(placements), {
    name,
    key: randomKey(0),
  });
  return mapAdapted(placed, (layer) => withValues(layer, name, used, biases));
}

/** The layer with the factors, or the bias, of the update in place of first values. */
function withValues(
  layer: AdapterLayer,
  name: string,
  pairs: AdapterUpdate['pairs'],
  biases: AdapterUpdate['biases'],
): AdapterLayer {
  if (layer.name !== name || layer instanceof TrainedWeight) return layer;
  const { base, settings } = layer;
  if (layer instanceof AdaptedBias) {
    const bias = biases[settings.path];
    return bias === undefined ? layer : new AdaptedBias(base, { bias }, name, settings);
  }
  const pair = pairs[settings.path];
  return pair === undefined
    ? layer
    : new AdaptedWeight(base, factorsOf(pair, settings), name, settings);
}

function factorsOf(pair: LowRank, { variant, config, shape, path }: AdapterSettings): Tensors {
  const { left, right } = pair;
  const { out, in: inputs, kernel } = shape;
  const width = kernel.reduce((product, side) => product * side, inputs);
  if (left.shape[0] !== out || right.shape[1] !== width) {
    throw new LorikeetError('shape-mismatch', 'the update does not fit the weight', {
      path,
      expected: `[${out},${width}]`,
      received: `[${left.shape[0]},${right.shape[1]}]`,
      hint: 'the adapter was made for another model',
    });
  }
  const parameters = variant.fromLowRank?.(pair, { config, shape });
  if (parameters !== undefined) return parameters;
  throw new LorikeetError('unsupported', 'an update of a convolution with groups', { path });
}

function wholeOver(node: unknown, { change, reason, path }: WholeUpdate, name: string): unknown {
  if (!isWeight(node)) return node;
  return new TrainedWeight(node, add(materialize(node), change), name, reason, path);
}
