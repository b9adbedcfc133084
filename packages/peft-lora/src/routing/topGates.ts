import {
  greater,
  LorikeetError,
  oneHot,
  softmax,
  sum,
  type Tensor,
  topk,
  where,
} from '@lorikeet/tensor-core';

/**
 * The softmax of the largest `count` logits along the last axis; the others' gates are 0. Of fewer logits, all count.
 *
 * @param logits [..., n]
 * @returns [..., n], which sum to 1.
 */
export function topGates(logits: Tensor, count: number | null, temperature: number): Tensor {
  requireSettings(count, temperature);
  const size = logits.shape.at(-1) ?? 0;
  const scaled = logits.div(temperature);
  if (count === null || count >= size) return softmax(scaled);
  return softmax(where(isLargest(scaled, count), scaled, -1e30));
}

/** The largest `count` gates along the last axis as they are; the others are 0. Of fewer gates, all count. */
export function keepLargest(gates: Tensor, count: number | null): Tensor {
  if (count === null || count >= (gates.shape.at(-1) ?? 0)) return gates;
  return where(isLargest(gates, count), gates, 0);
}

function isLargest(values: Tensor, count: number): Tensor {
  const { indices } = topk(values, count);
  return greater(sum(oneHot(indices, values.shape.at(-1) ?? 0), -2), 0);
}

function requireSettings(count: number | null, temperature: number): void {
  const isWhole = count === null || (Number.isInteger(count) && count > 0);
  if (isWhole && temperature > 0) return;
  throw new LorikeetError(
    'invalid-argument',
    'gates need a positive temperature, and an adapter at least',
    {
      expected: 'temperature above 0, topK a whole number above 0',
      received: `temperature ${temperature}, topK ${count}`,
    },
  );
}
