import type { BackendProvider } from '@lorikeet/tensor-core';
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import { filledSession } from './runtime/filledSession.ts';
import {
  createOnnxBackend,
  type OnnxBackend,
  type OnnxBackendOptions,
} from './runtime/onnxBackend.ts';
import type { OnnxRuntime } from './runtime/runtime.ts';

export interface WebBackendOptions extends OnnxBackendOptions {
  /** The folder, as a URL, from which `ort-wasm-simd-threaded.wasm` is loaded, if it is not beside the script. */
  readonly wasmPaths?: string;
}

const runtime: OnnxRuntime = {
  name: 'onnxruntime-web',
  Tensor,
  InferenceSession: {
    create: async (model, options) => filledSession(await InferenceSession.create(model, options)),
  },
};

/**
 * ONNX Runtime in WebAssembly, with SIMD: for a browser without WebGPU. Several threads work where the page is
 * cross-origin isolated; how many, the first program that runs in the page decides for all backends.
 */
export function createWebBackend({ wasmPaths, ...options }: WebBackendOptions = {}): OnnxBackend {
  if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
  if (options.threads !== undefined) env.wasm.numThreads = options.threads;
  return createOnnxBackend(runtime, options);
}

export const webProvider: BackendProvider = {
  name: 'onnx',
  rank: 40,
  async probe() {
    if (!('WebAssembly' in globalThis))
      return { available: false, reason: 'there is no WebAssembly' };
    const threads =
      Reflect.get(globalThis, 'crossOriginIsolated') === true ? 'several threads' : 'one thread';
    return { available: true, reason: `ONNX Runtime in WebAssembly, ${threads}` };
  },
  create: async () => createWebBackend(),
};
