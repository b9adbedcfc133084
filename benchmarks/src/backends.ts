import { createProfilingBackend, type OperatorTime, onnxProvider } from '@lorikeet/onnx/node';
import {
  type BackendProvider,
  referenceProvider,
  selectBackend,
  useBackend,
} from '@lorikeet/tensor-core';

const providers: readonly BackendProvider[] = [onnxProvider, referenceProvider];

/** Uses the backend of that name, else of `LORIKEET_BACKEND`, else the best that is there. */
export async function chooseBackend(name: string | undefined): Promise<void> {
  await selectBackend(providers, name ?? process.env.LORIKEET_BACKEND);
}

/** Uses ONNX Runtime with its profiler, and gives what reads the profile. */
export async function useProfiler(): Promise<() => Promise<readonly OperatorTime[]>> {
  const { backend, profile } = await createProfilingBackend();
  useBackend(backend);
  return profile;
}
