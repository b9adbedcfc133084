import {
  add,
  type ConvOptions,
  cast,
  concat,
  conv,
  dot,
  equal,
  gather,
  mul,
  pad,
  permute,
  reshape,
  stack,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { rankOf } from '../algebra/lowRank.ts';
import type { ThinPart } from './rowwiseParts.ts';

/**
 * For each row the update of its own adapter, 0 for a row of another: the factors are gathered by row, those of lower
 * rank filled up with zeros.
 *
 * @param x [B, ..., in]
 * @returns [B, ..., out]
 */
export function batchProduct(x: Tensor, rows: Tensor, parts: readonly ThinPart[]): Tensor {
  const rank = Math.max(...parts.map(({ pair }) => rankOf(pair)));
  const places = placesOf(rows, parts);
  const [left, right] = (['left', 'right'] as const).map((side) => {
    const axis = side === 'left' ? 1 : 0;
    const factors = parts.map(({ pair }) => {
      const factor = side === 'left' ? pair.left : mul(pair.right, pair.scale);
      const high = [0, 0];
      high[axis] = rank - rankOf(pair);
      return pad(factor, { high });
    });
    const [first] = factors;
    const none = first === undefined ? [] : [zeros(first.shape, first.dtype)];
    return gather(stack([...none, ...factors]), places); // [B, out, R], [B, R, in]
  }) as [Tensor, Tensor];
  const low = dot(x, right, { batch: [[0], [0]], contract: [[-1], [2]] }); // [B, ..., R]
  return dot(low, left, { batch: [[0], [0]], contract: [[-1], [2]] });
}

/** The same for rows of a table. @param ids [B, ...] @returns [B, ..., width] */
export function batchGather(ids: Tensor, rows: Tensor, parts: readonly ThinPart[]): Tensor {
  const looked = parts.map((part) => {
    const low = gather(part.pair.right, ids, 1); // [R, B, ...]
    return mul(low, gateOf(part, rows, [1, rows.size, ...ids.shape.slice(1).map(() => 1)]));
  });
  return dot(concat(looked, 0), leftOf(parts), { contract: [[0], [1]] });
}

/** The same for a convolution. @param x [B, C, ...spatial] @returns [B, O, ...spatial] */
export function batchConvolution(
  x: Tensor,
  rows: Tensor,
  parts: readonly ThinPart[],
  options: ConvOptions,
): Tensor {
  const low = parts.map((part) => {
    const kernel = reshape(part.pair.right, [rankOf(part.pair), ...part.inputShape]);
    const found = conv(x, kernel, options); // [B, R, ...spatial]
    return mul(found, gateOf(part, rows, [rows.size, ...found.shape.slice(1).map(() => 1)]));
  });
  const high = dot(leftOf(parts), concat(low, 1), { contract: [[1], [1]] }); // [O, B, ...spatial]
  return permute(high, [1, 0, ...high.shape.slice(2).map((_, i) => i + 2)]);
}

/** The scale of an adapter in its own rows, 0 in others. */
function gateOf({ number, pair }: ThinPart, rows: Tensor, shape: readonly number[]): Tensor {
  return reshape(mul(cast(equal(rows, number), pair.left.dtype), pair.scale), shape);
}

/** [out, sum of R] */
function leftOf(parts: readonly ThinPart[]): Tensor {
  return concat(
    parts.map(({ pair }) => pair.left),
    1,
  );
}

/** Where each row's factors are in a stack that begins with zeros: i32[B]. */
function placesOf(rows: Tensor, parts: readonly ThinPart[]): Tensor {
  return parts
    .map(({ number }, i) => mul(cast(equal(rows, number), 'i32'), i + 1))
    .reduce((sum, place) => add(sum, place));
}
