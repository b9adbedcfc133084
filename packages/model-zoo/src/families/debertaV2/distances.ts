import { relativePositions } from '@lorikeet/nn';
import { add, gather, type Tensor, tensor } from '@lorikeet/tensor-core';

/** Which rows of distances there are. */
export interface Distances {
  /** Rows on each side. */
  readonly span: number;
  /** Whether far distances share rows, with ever more of them to a row, up to this one. */
  readonly buckets?: { readonly maxDistance: number } | undefined;
}

/**
 * The row for each pair of a query and a key. He et al. 2021.
 *
 * @returns i32 [T, T]: `span` for a key at its query, less for keys behind it.
 */
export function distanceRows(time: number, { span, buckets }: Distances): Tensor {
  // There are far fewer distances than pairs.
  const rows = Array.from({ length: 2 * time - 1 }, (_, i) => {
    const distance = time - 1 - i; // the position of the query minus that of the key
    const step = buckets === undefined ? distance : bucketOf(distance, span, buckets.maxDistance);
    return Math.min(Math.max(step + span, 0), 2 * span - 1);
  });
  const table = tensor(rows, [rows.length], 'i32');
  return gather(table, add(relativePositions(time, time), time - 1));
}

/** One row each for near distances, up to half of the span; behind that, the logarithm counts. */
function bucketOf(distance: number, span: number, maxDistance: number): number {
  const middle = Math.floor(span / 2);
  const size = Math.abs(distance);
  if (size <= middle) return distance;
  // In single precision, as where the rows were trained: a bucket may end just there.
  const log = (x: number): number => Math.fround(Math.log(Math.fround(x)));
  const part = Math.fround(log(size / middle) / log((maxDistance - 1) / middle));
  return Math.sign(distance) * (Math.ceil(Math.fround(part * (middle - 1))) + middle);
}
