import { createNodeBackend, onnxProvider } from '@lorikeet/onnx/node';
import {
  type Backend,
  type BackendProvider,
  LorikeetError,
  referenceProvider,
  selectBackend,
} from '@lorikeet/tensor-core';
import { nodeWebgpuProvider } from '@lorikeet/tensor-core/webgpu/node';

/** Every backend that the command knows. */
export const providers: readonly BackendProvider[] = [
  nodeWebgpuProvider,
  { ...onnxProvider, create: async () => createNodeBackend(threadsOfEnvironment()) },
  referenceProvider,
];

/** `LORIKEET_THREADS`: of one run beside others, fewer than there are cores. */
function threadsOfEnvironment(): { readonly threads?: number } {
  const text = process.env.LORIKEET_THREADS ?? '';
  if (text === '') return {};
  const threads = Number(text);
  if (Number.isInteger(threads) && threads > 0) return { threads };
  throw new LorikeetError('invalid-argument', 'LORIKEET_THREADS is no number of threads', {
    expected: 'a whole number above 0',
    received: text,
  });
}

/** Uses the backend of the option `--backend`, else of `LORIKEET_BACKEND`, else the best that is there. */
export async function useBackendOption(name: string | undefined): Promise<Backend> {
  return await selectBackend(providers, name ?? (process.env.LORIKEET_BACKEND || undefined));
}
