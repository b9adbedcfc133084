import type { DType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite, SampleInput } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { greater } from '../binary/greater.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';
import { dot } from '../contraction/dot.ts';
import { iota } from '../create/iota.ts';
import { dropout } from '../random/dropout.ts';
import { softmax } from './softmax.ts';

export type AttentionAttributes = {
  readonly scale: number;
  /** Whether a position attends only to itself and to earlier ones. */
  readonly causal: boolean;
  readonly masked: boolean;
  /** Probability with which an attention weight is dropped; takes a key as the last operand if not 0. */
  readonly dropout: number;
};

/** Finite, so that a row in which everything is masked gives even weights and not NaN. */
function excludedScore(dtype: DType): number {
  return dtype === 'f16' ? -6e4 : -3e38;
}

export const attentionOp: Composite<AttentionAttributes> = {
  kind: 'composite',
  name: 'attention',
  body(inputs, { scale, causal, masked, dropout: rate }) {
    const [query, key, value] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    if (query.rank !== 4 || key.rank !== 4 || value.rank !== 4) {
      throw new LorikeetError(
        'shape-mismatch',
        'attention: query, key and value must have rank 4',
        {
          expected: '[batch, heads, time, head size] each',
          received: [query, key, value].map(({ shape }) => formatShape(shape)).join(', '),
        },
      );
    }
    const heads = [
      [0, 1],
      [0, 1],
    ] as const;
    const excluded = excludedScore(query.dtype);
    let scores = mul(dot(query, key, { contract: [[3], [3]], batch: heads }), scale); // [B,H,T,S]
    if (masked) scores = where(operand(inputs, 3), scores, excluded);
    if (causal) {
      const [queries, keys] = [query.shape[2] ?? 0, key.shape[2] ?? 0];
      // The last query sees all keys; an earlier one as many fewer as it is earlier.
      const isLater = greater(iota([1, keys], 1), add(iota([queries, 1]), keys - queries));
      scores = where(isLater, excluded, scores);
    }
    const weights = softmax(scores);
    const kept = rate === 0 ? weights : dropout(weights, rate, operand(inputs, inputs.length - 1));
    return dot(kept, value, { contract: [[3], [2]], batch: heads }); // [B,H,T,K]
  },
  sample(draw) {
    const [batch, heads, time, size] = [
      draw.integer(1, 2),
      draw.integer(1, 2),
      draw.integer(1, 3),
      draw.integer(1, 3),
    ];
    const [masked, rate] = [draw.boolean(), draw.pick([0, 0.5])];
    const operands: SampleInput[] = [0, 1, 2].map(() => ({ shape: [batch, heads, time, size] }));
    if (masked) operands.push({ shape: [batch, 1, 1, time], dtype: 'bool' });
    if (rate > 0) operands.push({ shape: [2], dtype: 'u32', range: [0, 4294967295] });
    return {
      inputs: operands,
      attributes: { scale: draw.pick([1, 0.5]), causal: draw.boolean(), masked, dropout: rate },
    };
  },
};

export interface AttentionOptions {
  /** Bool, broadcastable to [B, H, T, S]: true where a query may attend to a key. */
  readonly mask?: Tensor | undefined;
  /** Whether a query attends only to keys that are not later than it. Defaults to false. */
  readonly causal?: boolean;
  /** What products of query and key are multiplied with. Defaults to 1 / sqrt(K). */
  readonly scale?: number;
  /** Dropout on the attention weights, which needs a `key`. */
  readonly dropout?: { readonly rate: number; readonly key: Tensor } | undefined;
}

/**
 * Scaled dot-product attention (Vaswani et al. 2017).
 *
 * @param query [B, H, T, K]
 * @param key [B, H, S, K]
 * @param value [B, H, S, K]
 * @returns [B, H, T, K]
 */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const { mask, causal = false, scale = 1 / Math.sqrt(query.shape[3] ?? 1) } = options;
  const drop =
    options.dropout !== undefined && options.dropout.rate > 0 ? options.dropout : undefined;
  const operands = [query, key, value, ...(mask ? [mask] : []), ...(drop ? [drop.key] : [])];
  return record(attentionOp, operands, {
    scale,
    causal,
    masked: mask !== undefined,
    dropout: drop?.rate ?? 0,
  });
}
