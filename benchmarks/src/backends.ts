import {
  createNodeBackend,
  createProfilingBackend,
  type OperatorTime,
  onnxProvider,
} from '@lorikeet/onnx/node';
import { referenceProvider, selectBackend, useBackend } from '@lorikeet/tensor-core';

/** Uses the backend of that name, else of `LORIKEET_BACKEND`, else the best that is there. */
export async function chooseBackend(name: string | undefined, threads: number): Promise<void> {
  const onnx = { ...onnxProvider, create: async () => createNodeBackend({ threads }) };
  await selectBackend([onnx, referenceProvider], name ?? process.env.LORIKEET_BACKEND);
}

/** Uses ONNX Runtime with its profiler, and gives what reads the profile. */
export async function useProfiler(
  threads: number,
): Promise<() => Promise<readonly OperatorTime[]>> {
  const { backend, profile } = await createProfilingBackend({ threads });
  useBackend(backend);
  return profile;
}
