import type { DType } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import type { Draw, Sample, SampleInput } from './op.ts';
import { operand } from './operand.ts';
import { add } from './ops/binary/add.ts';
import { greater } from './ops/binary/greater.ts';
import { logicalAnd } from './ops/binary/logicalAnd.ts';
import { maximum } from './ops/binary/maximum.ts';
import { mul } from './ops/binary/mul.ts';
import { sub } from './ops/binary/sub.ts';
import { where } from './ops/binary/where.ts';
import { softmax } from './ops/composite/softmax.ts';
import { dot } from './ops/contraction/dot.ts';
import { iota } from './ops/create/iota.ts';
import { reshape } from './ops/movement/reshape.ts';
import { dropout } from './ops/random/dropout.ts';
import { cast } from './ops/unary/cast.ts';
import { broadcastsTo, formatShape, type Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** The operands are query, key, value and, as far as they are there, mask, bias and the key of the dropout. */
export type AttentionAttributes = {
  readonly scale: number;
  /** Whether a position attends only to itself and to earlier ones. */
  readonly causal: boolean;
  /** A position attends only to those that are less than this many away, unless it is null. */
  readonly window: number | null;
  readonly masked: boolean;
  readonly biased: boolean;
  /** Probability with which an attention weight is dropped; takes a key as the last operand if not 0. */
  readonly dropout: number;
};

/** The attention weights before dropout, [B, H, T, S]. */
export function attentionWeights(
  inputs: readonly Tensor[],
  attributes: AttentionAttributes,
): Tensor {
  const [query, key] = [operand(inputs, 0), operand(inputs, 1)];
  const grouped = dot(byGroup(mul(query, attributes.scale), key), key, {
    contract: [[3], [3]],
    batch: [
      [0, 1],
      [0, 1],
    ],
  });
  const products = reshape(grouped, scoreShape(query, key));
  const excluded = excludedScore(query.dtype);
  const bias = attributes.biased ? operand(inputs, attributes.masked ? 4 : 3) : undefined;
  const scores =
    bias === undefined ? products : add(products, maximum(cast(bias, products.dtype), excluded));
  const seen = isSeen(inputs, attributes);
  return softmax(seen === undefined ? scores : where(seen, scores, excluded));
}

/** Whether a query sees a key, broadcastable to [B, H, T, S]; nothing if each sees all. */
function isSeen(
  inputs: readonly Tensor[],
  { causal, window, masked }: AttentionAttributes,
): Tensor | undefined {
  const [, , queries = 0, keys = 0] = scoreShape(operand(inputs, 0), operand(inputs, 1));
  const key = iota([1, keys], 1);
  // The last query stands at the last key.
  const position = add(iota([queries, 1]), keys - queries);
  const ahead = causal ? 1 : window;
  const conditions = [
    ...(ahead === null ? [] : [greater(add(position, ahead), key)]),
    ...(window === null ? [] : [greater(key, sub(position, window))]),
    ...(masked ? [operand(inputs, 3)] : []),
  ];
  return conditions.length === 0 ? undefined : conditions.reduce((a, b) => logicalAnd(a, b));
}

/** A derivative by the scores, 0 where a query does not see the key, as the weights are but for one that sees none. */
export function onlySeen(
  slope: Tensor,
  inputs: readonly Tensor[],
  attributes: AttentionAttributes,
): Tensor {
  const { causal, window, masked } = attributes;
  const [, , queries = 0, keys = 0] = scoreShape(operand(inputs, 0), operand(inputs, 1));
  const mayBeBlind = masked || ((causal || window !== null) && queries > keys);
  const seen = mayBeBlind ? isSeen(inputs, attributes) : undefined;
  return seen === undefined ? slope : mul(slope, cast(seen, slope.dtype));
}

/** [B, H, T, ...] as [B, G, H / G * T, ...]: queries that share a head of `keys` one after the other. */
export function byGroup(x: Tensor, keys: Tensor): Tensor {
  const [batch = 0, heads = 0, time = 0, side = 0] = x.shape;
  const [, groups = 0] = keys.shape;
  const share = heads === groups ? 1 : heads / groups;
  return reshape(x, [batch, groups, share * time, side]);
}

/** Throws `shape-mismatch` or `invalid-argument` for operands that attention cannot take. */
export function requireAttention(
  inputs: readonly Tensor[],
  { masked, biased, window }: AttentionAttributes,
): void {
  const [query, key, value] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
  const [batch, heads = 0, , size] = query.shape;
  const [, groups = 0, keys] = key.shape;
  const fits =
    [query, key, value].every(({ rank }) => rank === 4) &&
    [key.shape[0], value.shape[0]].every((side) => side === batch) &&
    value.shape[1] === groups &&
    value.shape[2] === keys &&
    key.shape[3] === size &&
    (heads === groups || heads % groups === 0);
  if (!fits) {
    throw new LorikeetError('shape-mismatch', 'attention: query, key and value do not fit', {
      expected: '[B, H, T, K], [B, G, S, K] and [B, G, S, V], where G divides H',
      received: [query, key, value].map(({ shape }) => formatShape(shape)).join(', '),
    });
  }
  const shape = scoreShape(query, key);
  inputs.slice(3, 3 + Number(masked) + Number(biased)).forEach((input, i) => {
    if (broadcastsTo(input.shape, shape)) return;
    throw new LorikeetError(
      'shape-mismatch',
      `attention: the ${masked && i === 0 ? 'mask' : 'bias'} does not fit`,
      {
        expected: `what broadcasts to ${formatShape(shape)}, [B, H, T, S]`,
        received: formatShape(input.shape),
      },
    );
  });
  if (window !== null && !(Number.isInteger(window) && window >= 1)) {
    throw new LorikeetError('invalid-argument', `attention: ${window} is no window`, {
      expected: 'a whole number of at least 1',
      received: String(window),
    });
  }
}

function scoreShape(query: Tensor, key: Tensor): Shape {
  const [batch = 0, heads = 0, queries = 0] = query.shape;
  return [batch, heads, queries, key.shape[2] ?? 0];
}

/** Finite, so that a row in which everything is masked gives even weights and not NaN; twice it is, too. */
export function excludedScore(dtype: DType): number {
  return dtype === 'f16' ? -3e4 : -1e38;
}

/** As the weights: an element is dropped where theirs is. */
export function dropped(
  x: Tensor,
  inputs: readonly Tensor[],
  attributes: AttentionAttributes,
): Tensor {
  const rate = attributes.dropout;
  return rate === 0 ? x : dropout(x, rate, operand(inputs, inputs.length - 1));
}

/** One valid call, for the laws. */
export function sampleAttention(draw: Draw): Sample<AttentionAttributes> {
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
