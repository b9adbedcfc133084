import { type Context, mergeHeads } from '@lorikeet/nn';
import { attention, type Tensor } from '@lorikeet/tensor-core';

/** What meets in one attention. */
interface Meeting {
  /** [B, H, T, K] each. */
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  /** bool [B, 1, T, T] */
  readonly mask: Tensor | undefined;
  /** What distances add to the products of queries and keys, [B, H, T, T]. */
  readonly bias: Tensor | undefined;
}

/**
 * Attention by the sum of the products of tokens and of distances, all scaled alike.
 *
 * @param options `products`: kinds of products that are added; `rate`: of dropout.
 * @returns [B, T, D]
 */
export function attend(
  { query, key, value, mask, bias }: Meeting,
  { products, rate }: { readonly products: number; readonly rate: number },
  context: Context,
): Tensor {
  const scale = 1 / Math.sqrt((query.shape[3] ?? 1) * products);
  const { key: randomness } = context.child('dropout');
  const attended = attention(query, key, value, {
    mask,
    scale,
    bias: bias?.mul(scale),
    dropout: randomness === undefined ? undefined : { rate, key: randomness },
  });
  return mergeHeads(attended);
}
