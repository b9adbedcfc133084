import type { Context } from '@lorikeet/nn';
import {
  bernoulli,
  cast,
  div,
  foldIn,
  maximum,
  mean,
  mul,
  reshape,
  type Tensor,
} from '@lorikeet/tensor-core';

/** What training drops of the update of a weight, as in LyCORIS. */
export interface UpdateDropout {
  /** Probability with which a feature of the output is left as the base has it. PEFT's name for it says otherwise. */
  readonly rankDropout: number;
  /** Divides what is kept by the share that is kept. */
  readonly rankDropoutScale: boolean;
  /** Probability with which the whole update is dropped. */
  readonly moduleDropout: number;
}

/**
 * The product of an update with an input, less what training drops of it; in evaluation the product itself.
 *
 * @param axis of `product`: the features of the output.
 */
export function dropUpdate(
  product: Tensor,
  axis: number,
  { rankDropout, rankDropoutScale, moduleDropout }: UpdateDropout,
  { key }: Context,
): Tensor {
  if (key === undefined) return product;
  let kept = product;
  if (rankDropout > 0) {
    const size = product.shape.at(axis) ?? 1;
    const rows = cast(bernoulli(foldIn(key, 'rows'), [size], 1 - rankDropout), product.dtype);
    // All may be dropped: nothing is kept then, where PEFT divides by 0.
    const mask = rankDropoutScale ? div(rows, maximum(mean(rows), 1 / size)) : rows;
    const place = axis < 0 ? product.rank + axis : axis;
    kept = mul(kept, reshape(mask, [size, ...product.shape.slice(place + 1).map(() => 1)]));
  }
  if (moduleDropout > 0)
    kept = mul(kept, cast(bernoulli(foldIn(key, 'module'), [], 1 - moduleDropout), product.dtype));
  return kept;
}
