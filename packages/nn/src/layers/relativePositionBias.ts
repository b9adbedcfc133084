import {
  add,
  expandDims,
  gather as gatherRows,
  permute,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { normalInitializer } from '../initialize.ts';
import type { Site } from '../site.ts';
import { baseOf, gather, type Weight } from '../weight.ts';
import { positionsFrom, relativePositions } from './relativePositions.ts';

export interface RelativePositionOptions {
  /** Rows of the table. */
  readonly buckets: number;
  /** From this distance on, all share the last bucket. */
  readonly maxDistance: number;
  /** Whether keys behind a query have buckets of their own; else they share the one of distance 0. */
  readonly bidirectional: boolean;
}

/** A learned number for each head and each distance of query and key, as in T5. Raffel et al. 2020. */
export class RelativePositionBias {
  /** [buckets, H] */
  readonly weight: Weight;
  readonly maxDistance: number;
  readonly bidirectional: boolean;

  constructor(weight: Weight, options: Omit<RelativePositionOptions, 'buckets'>) {
    this.weight = weight;
    this.maxDistance = options.maxDistance;
    this.bidirectional = options.bidirectional;
  }

  static init(
    options: RelativePositionOptions & { readonly heads: number },
    key: Tensor,
  ): RelativePositionBias {
    const table = normalInitializer(0.02)(key, [options.buckets, options.heads]);
    return new RelativePositionBias(table, options);
  }

  get site(): Site {
    return { field: 'weight', kind: 'embedding', inputAxis: 1 };
  }

  /**
   * What is added to the products of T queries and S keys, of which the last stand at one place, or the first query at
   * the `place` of a cache.
   *
   * @returns [1, H, T, S]
   */
  call(queries: number, keys: number, place: Tensor | undefined, context: Context): Tensor {
    const { maxDistance, bidirectional } = this;
    const options = { buckets: baseOf(this.weight).shape[0] ?? 0, maxDistance, bidirectional };
    const [between, ahead] =
      place === undefined
        ? [relativePositions(queries, keys), queries]
        : [positionsFrom(place, queries, keys), keys];
    // There are far fewer distances than pairs.
    const buckets = Array.from({ length: ahead + keys - 1 }, (_, i) =>
      relativeBucket(i - keys + 1, options),
    );
    const ids = tensor(buckets, [buckets.length], 'i32');
    const rows = gather(ids, this.weight, context.child('weight')); // [.., H]
    const pairs = gatherRows(rows, add(between, keys - 1)); // [T, S, H]
    return expandDims(permute(pairs, [2, 0, 1]), 0);
  }
}

/**
 * The row of T5's table for a key that stands `distance` behind its query, or before it if that is below 0.
 * Half of the rows are for small distances, one each; the others for longer and longer spans up to `maxDistance`.
 */
export function relativeBucket(
  distance: number,
  { buckets, maxDistance, bidirectional }: RelativePositionOptions,
): number {
  const count = bidirectional ? Math.floor(buckets / 2) : buckets;
  const first = bidirectional && distance > 0 ? count : 0;
  const size = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  const exact = Math.floor(count / 2);
  if (size < exact) return first + size;
  // In single precision, as where the tables were trained: a span may end just there.
  const part = Math.fround(
    Math.fround(Math.log(Math.fround(size / exact))) / Math.fround(Math.log(maxDistance / exact)),
  );
  const beyond = Math.trunc(Math.fround(part * (count - exact)));
  return first + Math.min(exact + beyond, count - 1);
}
