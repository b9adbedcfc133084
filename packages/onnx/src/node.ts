import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendProvider } from '@lorikeet/tensor-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  createOnnxBackend,
  type OnnxBackend,
  type OnnxBackendOptions,
} from './runtime/onnxBackend.ts';
import { type OperatorTime, timesOf } from './runtime/operatorTimes.ts';

export type { OperatorTime } from './runtime/operatorTimes.ts';

const runtime = { name: 'onnxruntime-node', InferenceSession, Tensor };

/** ONNX Runtime's native library: the CPU at full speed, in Node. */
export function createNodeBackend(options: OnnxBackendOptions = {}): OnnxBackend {
  return createOnnxBackend(runtime, options);
}

export interface ProfilingBackend {
  readonly backend: OnnxBackend;
  /** What the operators took until now, the longest first. Nothing is measured afterwards. */
  profile(): Promise<readonly OperatorTime[]>;
}

/** A backend that measures each operator, which makes it a little slower. */
export async function createProfilingBackend(
  options: OnnxBackendOptions = {},
): Promise<ProfilingBackend> {
  const folder = await mkdtemp(join(tmpdir(), 'lorikeet-profile-'));
  const backend = createNodeBackend({ ...options, profilePrefix: join(folder, 'session') });
  return {
    backend,
    async profile() {
      await backend.endProfiling();
      const files = await readdir(folder);
      const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
      await rm(folder, { recursive: true });
      return timesOf(texts);
    },
  };
}

export const onnxProvider: BackendProvider = {
  name: 'onnx',
  rank: 50,
  probe: async () => ({ available: true, reason: 'ONNX Runtime, native, on the processor' }),
  create: async () => createNodeBackend(),
};
