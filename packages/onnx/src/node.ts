import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BackendProvider, LorikeetError, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { Tensor as RuntimeTensor, TypedTensor } from 'onnxruntime-common';
import type { ExportedModel } from './export/exportedModel.ts';
import { markTrial } from './runtime/endMark.ts';
import { toRuntime } from './runtime/hostTensor.ts';
import {
  createOnnxBackend,
  type OnnxBackend,
  type OnnxBackendOptions,
} from './runtime/onnxBackend.ts';
import { type OperatorTime, timesOf } from './runtime/operatorTimes.ts';
import type { OnnxRuntime } from './runtime/runtime.ts';

export type { OperatorTime } from './runtime/operatorTimes.ts';

/** Loaded when it is asked for: where there is no binary for the machine, all else still works. */
function loadRuntime(): typeof import('onnxruntime-node') {
  return createRequire(import.meta.url)('onnxruntime-node');
}

let nativeRuntime: OnnxRuntime | undefined;

/** ONNX Runtime's native library: the CPU at full speed, in Node. */
export function createNodeBackend(options: OnnxBackendOptions = {}): OnnxBackend {
  if (nativeRuntime === undefined) {
    const { InferenceSession, Tensor } = loadRuntime();
    const runtime = { InferenceSession, Tensor };
    nativeRuntime = { ...runtime, stopsAtMark: markTrial(runtime) };
  }
  return createOnnxBackend(nativeRuntime, options);
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

/** Models with more bytes of weights than this get a file of weights: a `.onnx` file cannot have more than 2 GiB. */
const maxInlineBytes = 1.5 * 2 ** 30;

export interface SaveOnnxOptions {
  /** Whether the weights go to a file of their own, `FILE.data`. If not given, only where one file would be too large. */
  readonly externalData?: boolean;
}

/** Writes `FILE` and, if the weights are in a file of their own, `FILE.data`; gives the names of what was written. */
export async function saveOnnx(
  model: ExportedModel,
  file: string,
  { externalData = model.weightBytes > maxInlineBytes }: SaveOnnxOptions = {},
): Promise<readonly string[]> {
  const data = `${file}.data`;
  if (externalData)
    await complete(data, (part) => pipeline(model.weights(), createWriteStream(part)));
  const encoded = await model.encode(externalData ? { externalData: basename(data) } : {});
  await complete(file, (part) => writeFile(part, encoded));
  return externalData ? [file, data] : [file];
}

/** Writes a file beside its place and puts it there when it is whole. */
async function complete(file: string, write: (part: string) => Promise<void>): Promise<void> {
  const part = `${file}.part`;
  try {
    await write(part);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}

/**
 * Runs an ONNX file once, in ONNX Runtime alone.
 *
 * @param inputs by their names in the file.
 * @returns the floating-point outputs, by name.
 */
export async function runOnnx(
  file: string,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Tensor>>> {
  const runtime = loadRuntime();
  const session = await runtime.InferenceSession.create(file);
  const feeds: Record<string, TypedTensor<RuntimeTensor.Type>> = {};
  for (const name of session.inputNames) {
    const input = inputs[name];
    if (input === undefined)
      throw new LorikeetError('missing-tensor', `runOnnx: no input '${name}'`, {
        expected: session.inputNames.join(', '),
        received: Object.keys(inputs).join(', '),
      });
    feeds[name] = toRuntime(runtime, input.type, await input.data());
  }
  const results = Object.entries(await session.run(feeds)).flatMap(([name, { data, dims }]) =>
    data instanceof Float32Array ? [[name, tensor(data, dims)] as const] : [],
  );
  await session.release();
  return Object.fromEntries(results);
}

export const onnxProvider: BackendProvider = {
  name: 'onnx',
  rank: 50,
  async probe() {
    try {
      loadRuntime();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { available: false, reason: `onnxruntime-node does not load: ${message}` };
    }
    return { available: true, reason: 'ONNX Runtime, native, on the processor' };
  },
  create: async () => createNodeBackend(),
};
