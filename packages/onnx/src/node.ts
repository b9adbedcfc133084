import type { Backend, BackendProvider } from '@lorikeet/tensor-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createOnnxBackend, type OnnxBackendOptions } from './runtime/onnxBackend.ts';

/** ONNX Runtime's native library: the CPU at full speed, in Node. */
export function createNodeBackend(options: OnnxBackendOptions = {}): Backend {
  return createOnnxBackend({ name: 'onnxruntime-node', InferenceSession, Tensor }, options);
}

export const onnxProvider: BackendProvider = {
  name: 'onnx',
  rank: 50,
  probe: async () => ({ available: true, reason: 'ONNX Runtime, native, on the processor' }),
  create: async () => createNodeBackend(),
};
