import {
  type AttentionAttributes,
  attentionWeights,
  byGroup,
  dropped,
  requireAttention,
  sampleAttention,
} from '../../attentionWeights.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { dot } from '../contraction/dot.ts';
import { reshape } from '../movement/reshape.ts';
import { type AttentionGradientAttributes, attentionGradientOp } from './attentionGradient.ts';

export type { AttentionAttributes } from '../../attentionWeights.ts';

const alongHeads = [
  [0, 1],
  [0, 1],
] as const;

export const attentionOp: Composite<AttentionAttributes> = {
  kind: 'composite',
  name: 'attention',
  body(inputs, attributes) {
    const [query, value] = [operand(inputs, 0), operand(inputs, 2)];
    requireAttention(inputs, attributes);
    const kept = dropped(attentionWeights(inputs, attributes), inputs, attributes);
    const grouped = dot(byGroup(kept, value), value, { contract: [[3], [2]], batch: alongHeads });
    return reshape(grouped, [...query.shape.slice(0, 3), value.shape[3] ?? 0]); // [B,H,T,V]
  },
  derivative({ inputs, output, gradient, attributes }) {
    const { masked, biased, dropout: rate } = attributes;
    const by = (name: AttentionGradientAttributes['by']): Tensor =>
      record(attentionGradientOp, [...inputs, output, gradient], { ...attributes, by: name });
    return [
      by('query'),
      by('key'),
      by('value'),
      ...(masked ? [null] : []),
      ...(biased ? [by('bias')] : []),
      ...(rate > 0 ? [null] : []),
    ];
  },
  sample: sampleAttention,
};

export interface AttentionOptions {
  /** Bool, broadcastable to [B, H, T, S]: true where a query may attend to a key. */
  readonly mask?: Tensor | undefined;
  /** Added to the scaled products, broadcastable to [B, H, T, S]; there is a derivative by it. */
  readonly bias?: Tensor | undefined;
  /** Whether a query attends only to keys that are not later than it. Defaults to false. */
  readonly causal?: boolean;
  /** Whether a query attends only to keys less than this many positions away: with `causal`, to the last `window` keys. */
  readonly window?: number | undefined;
  /** What products of query and key are multiplied with. Defaults to 1 / sqrt(K). */
  readonly scale?: number;
  /** Dropout on the attention weights, which needs a `key`. */
  readonly dropout?: { readonly rate: number; readonly key: Tensor } | undefined;
}

/**
 * Scaled dot-product attention (Vaswani et al. 2017). Where there are fewer heads of keys and values than of
 * queries, G that divide H, as many heads of queries in a row share one (Ainslie et al. 2023). The last query
 * stands at the last key. A query that may attend to nothing gets the mean of the values.
 *
 * @param query [B, H, T, K]
 * @param key [B, G, S, K]
 * @param value [B, G, S, V]
 * @returns [B, H, T, V]
 * @throws LorikeetError `shape-mismatch` if the shapes do not fit, `invalid-argument` for a window below 1.
 */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const {
    mask,
    bias,
    causal = false,
    window,
    scale = 1 / Math.sqrt(query.shape[3] ?? 1),
  } = options;
  const drop =
    options.dropout !== undefined && options.dropout.rate > 0 ? options.dropout : undefined;
  const optional = [mask, bias, drop?.key].filter((tensor) => tensor !== undefined);
  return record(attentionOp, [query, key, value, ...optional], {
    scale,
    causal,
    window: window ?? null,
    masked: mask !== undefined,
    biased: bias !== undefined,
    dropout: drop?.rate ?? 0,
  });
}
