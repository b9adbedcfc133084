import {
  equal,
  full,
  iota,
  logicalAnd,
  max,
  sliceAxis,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';

/** Behind all tokens that there can be. */
const never = 2 ** 30;

/**
 * Where the last invocation starts in each row: i32 [B]; behind all tokens in rows without one.
 *
 * @param ids [B, T]
 * @param prompt how many of them are looked at.
 */
export function lastInvocations(
  ids: Tensor,
  tokens: readonly number[],
  prompt: number = ids.shape[1] ?? 0,
): Tensor {
  const [batch = 0] = ids.shape;
  const starts = prompt - tokens.length + 1;
  if (starts < 1) return full([batch], never, 'i32');
  const matches = tokens
    .map((token, i) => equal(sliceAxis(ids, 1, i, starts), token))
    .reduce((all, one) => logicalAnd(all, one)); // [B, starts]
  const found = max(where(matches, iota([batch, starts], 1), -1), 1); // [B]
  return where(equal(found, -1), never, found);
}
