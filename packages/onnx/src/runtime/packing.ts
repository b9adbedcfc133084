import type { InferenceSession } from 'onnxruntime-common';
import type { GraphProto } from '../proto/model.ts';

/**
 * Lets a session pack its constants if it multiplies with weights of 4 bits: packed, they are no larger, and without
 * it ONNX Runtime multiplies with a copy in f32. Weights in f32 are inputs, which are never packed.
 */
export function withPacking(
  options: InferenceSession.SessionOptions,
  { nodes }: GraphProto,
): InferenceSession.SessionOptions {
  if (!nodes.some(({ opType }) => opType === 'MatMulNBits')) return options;
  return { ...options, extra: { ...options.extra, 'session.disable_prepacking': '0' } };
}
