import { contract, isReparam, type Reparam, type Weight, type WeightUse } from '@lorikeet/nn';
import { add, dot, evaluate, reshape, sum, type Tensor } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { mapAdapted } from '../layers.ts';

/** What a layer is called with, over all batches. */
export interface InputStatistics {
  /** [in, in]: the sum of the outer products of its input vectors with themselves. */
  readonly gram: Tensor;
  /** [in]: the sum of its input vectors. */
  readonly sum: Tensor;
  /** Number of input vectors. */
  readonly count: number;
}

/**
 * Calls a model with its adapter disabled, and sums up the inputs of the layers that the adapter is on.
 *
 * @param call the model for one batch. What it returns is computed.
 */
export async function layerInputs<T, Batch>(
  tuned: T,
  name: string,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  call: (model: T, batch: Batch) => unknown,
): Promise<ReadonlyMap<string, InputStatistics>> {
  const sums = new Map<string, InputStatistics>();
  for await (const batch of batches) {
    const seen = new Map<string, Tensor[]>();
    const watched = mapAdapted(tuned, (layer) => {
      if (!(layer instanceof AdaptedWeight) || layer.name !== name) return layer;
      const { path } = layer.settings;
      return new WatchedWeight(layer.base, (x) => {
        seen.set(path, [...(seen.get(path) ?? []), x]);
      });
    });
    call(watched, batch);
    for (const [path, inputs] of seen) {
      for (const x of inputs) {
        const rows = reshape(x, [-1, x.shape.at(-1) ?? 1]); // [N, in]
        const gram = dot(rows, rows, { contract: [[0], [0]] });
        const total = sum(rows, 0);
        const before = sums.get(path);
        sums.set(path, {
          gram: before === undefined ? gram : add(before.gram, gram),
          sum: before === undefined ? total : add(before.sum, total),
          count: (before?.count ?? 0) + (rows.shape[0] ?? 0),
        });
      }
    }
    await evaluate([...sums.values()].flatMap(({ gram, sum }) => [gram, sum]));
  }
  return sums;
}

/** A weight that tells what it is multiplied with. */
class WatchedWeight implements Reparam {
  readonly base: Weight;
  readonly #see: (x: Tensor) => void;

  constructor(base: Weight, see: (x: Tensor) => void) {
    this.base = base;
    this.#see = see;
  }

  materialize(): Tensor {
    return isReparam(this.base) ? this.base.materialize() : this.base;
  }

  contract(x: Tensor, use: WeightUse): Tensor {
    this.#see(x);
    return contract(x, this.base, use);
  }
}
