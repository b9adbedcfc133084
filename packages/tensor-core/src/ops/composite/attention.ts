import {
  type AttentionAttributes,
  attentionWeights,
  byGroup,
  onlySeen,
  requireAttention,
} from '../../attentionWeights.ts';
import type { Composite, Draw, Sample, SampleInput } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { dot } from '../contraction/dot.ts';
import { reshape } from '../movement/reshape.ts';
import { dropout } from '../random/dropout.ts';
import { sum } from '../reduce/sum.ts';

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
    const [query, key, value] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const { scale, masked, biased, dropout: rate } = attributes;
    const weights = attentionWeights(inputs, attributes);
    const kept = byGroup(dropped(weights, inputs, attributes), value);
    const outer = byGroup(gradient, value);
    const byKept = reshape(
      dot(outer, value, { contract: [[3], [3]], batch: alongHeads }),
      weights.shape,
    );
    // The mean of the derivatives by a row of weights is that of the output along the output.
    const mean = sum(mul(gradient, output), -1, { keepAxes: true });
    const slope = mul(weights, sub(dropped(byKept, inputs, attributes), mean));
    const byScores = onlySeen(slope, inputs, attributes);
    const byProducts = byGroup(byScores, value);
    const byQuery = dot(byProducts, key, { contract: [[3], [2]], batch: alongHeads });
    const byKey = dot(byProducts, byGroup(mul(query, scale), key), {
      contract: [[2], [2]],
      batch: alongHeads,
    });
    const byValue = dot(kept, outer, { contract: [[2], [2]], batch: alongHeads });
    return [
      reshape(mul(byQuery, scale), query.shape),
      byKey,
      byValue,
      ...(masked ? [null] : []),
      ...(biased ? [byScores] : []),
      ...(rate > 0 ? [null] : []),
    ];
  },
  sample: sampleAttention,
};

function sampleAttention(draw: Draw): Sample<AttentionAttributes> {
  const [batch, groups] = [draw.integer(1, 2), draw.integer(1, 2)];
  const heads = groups * draw.integer(1, 2);
  const [queries, keys, size] = [draw.integer(1, 3), draw.integer(1, 3), draw.integer(1, 3)];
  const scores = [batch, heads, queries, keys];
  const attributes = {
    scale: draw.pick([1, 0.5]),
    causal: draw.boolean(),
    window: draw.pick([null, 1, 2]),
    masked: draw.boolean(),
    biased: draw.boolean(),
    dropout: draw.pick([0, 0.5]),
  };
  const operands: SampleInput[] = [
    { shape: [batch, heads, queries, size] },
    { shape: [batch, groups, keys, size] },
    { shape: [batch, groups, keys, draw.integer(1, 2)] },
  ];
  if (attributes.masked) operands.push({ shape: draw.broadcastable(scores), dtype: 'bool' });
  if (attributes.biased) operands.push({ shape: draw.broadcastable(scores) });
  if (attributes.dropout > 0) operands.push({ shape: [2], dtype: 'u32', range: [0, 4294967295] });
  return { inputs: operands, attributes };
}

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

/** As the weights: an element is dropped where theirs is. */
function dropped(x: Tensor, inputs: readonly Tensor[], attributes: AttentionAttributes): Tensor {
  const rate = attributes.dropout;
  return rate === 0 ? x : dropout(x, rate, operand(inputs, inputs.length - 1));
}
