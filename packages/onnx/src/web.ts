import type { BackendProvider } from '@lorikeet/tensor-core';
import { Tensor } from 'onnxruntime-common';
import { filledSession } from './runtime/filledSession.ts';
import {
  createOnnxBackend,
  type OnnxBackend,
  type OnnxBackendOptions,
} from './runtime/onnxBackend.ts';
import type { OnnxRuntime } from './runtime/runtime.ts';

export interface WebBackendOptions extends OnnxBackendOptions {
  /** Threads for one operator; several only where the page is cross-origin isolated. Half of the cores, if not given. */
  readonly threads?: number;
  /** The folder, as a URL, that has the files of `onnxruntime-web/dist`, if a bundler has not placed them. */
  readonly wasmPaths?: string;
}

/**
 * ONNX Runtime in WebAssembly, with SIMD, for a browser without WebGPU. It is loaded when the first program is made
 * ready; the options that come first hold for the whole page.
 */
export function createWebBackend({
  threads,
  wasmPaths,
  ...options
}: WebBackendOptions = {}): OnnxBackend {
  return createOnnxBackend(runtimeWith(threads, wasmPaths), options);
}

function runtimeWith(threads: number | undefined, wasmPaths: string | undefined): OnnxRuntime {
  return {
    Tensor,
    InferenceSession: {
      async create(model, options) {
        // A file of its own, also in a bundle: threads load the file that it is in, and would run the page with it.
        const { env, InferenceSession } = await import('onnxruntime-web/wasm');
        if (threads !== undefined) env.wasm.numThreads = threads;
        if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
        return filledSession(await InferenceSession.create(model, options));
      },
    },
  };
}

export const webProvider: BackendProvider = {
  name: 'onnx',
  rank: 40,
  async probe() {
    if (!('WebAssembly' in globalThis))
      return { available: false, reason: 'there is no WebAssembly' };
    const isIsolated = Reflect.get(globalThis, 'crossOriginIsolated') === true;
    const threads = isIsolated ? 'several threads' : 'one thread';
    return { available: true, reason: `ONNX Runtime in WebAssembly, ${threads}` };
  },
  create: async () => createWebBackend(),
};
