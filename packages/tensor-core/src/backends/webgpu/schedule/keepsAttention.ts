import type { CompositeCall } from '../../../backend.ts';
import type { Attributes } from '../../../op.ts';
import { attentionOp } from '../../../ops/composite/attention.ts';
import {
  type AttentionGradientAttributes,
  attentionGradientOp,
} from '../../../ops/composite/attentionGradient.ts';
import { sizeOf } from '../../../shape.ts';

/** When attention runs in one pass: always where that is possible, never, or where it is expected to be faster. */
export type AttentionChoice = 'always' | 'never' | 'bySize';

/** Longest vectors of a head: all of one is held by the threads that own it. */
const longestVector = 256;
/** With so few queries the matrix of weights is small, and rows are too few to keep a device busy. */
const fewQueries = 16;
/** Places of weights are counted in 32 bits. */
const mostWeights = 2 ** 32;

/** Whether a call of a composite is one of attention that has a kernel; of all else the body runs. */
export function keepsAttention(
  { op, inputs, attributes, type }: CompositeCall,
  choice: AttentionChoice,
  maxBuffers: number,
): boolean {
  if (choice === 'never' || (op !== attentionOp && op !== attentionGradientOp)) return false;
  const known = attributes as Attributes & AttentionGradientAttributes;
  // The derivative by the bias is as large as the weights are.
  if (op === attentionGradientOp && known.by === 'bias') return false;
  const [query, key, value] = inputs;
  const [, , queries = 0, size = 0] = query?.shape ?? [];
  const [batch = 0, heads = 0, keys = 0] = [query?.shape[0], query?.shape[1], key?.shape[2]];
  const width = value?.shape[3] ?? 0;
  const buffers = inputs.length - (op === attentionOp ? 0 : 1) + (op === attentionOp ? 2 : 3);
  return (
    inputs.every(({ dtype, shape }) => dtype !== 'f64' && sizeOf(shape) > 0) &&
    ['f32', 'f16', 'bf16'].includes(type.dtype) &&
    Math.max(size, width) <= longestVector &&
    known.dropout < 1 &&
    batch * heads * queries * keys <= mostWeights &&
    buffers <= maxBuffers &&
    (choice === 'always' || queries >= fewQueries)
  );
}
