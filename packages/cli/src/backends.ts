import { onnxProvider } from '@lorikeet/onnx/node';
import {
  type Backend,
  type BackendProvider,
  referenceProvider,
  selectBackend,
} from '@lorikeet/tensor-core';
import { nodeWebgpuProvider } from '@lorikeet/tensor-core/webgpu/node';

/** Every backend that the command knows. */
export const providers: readonly BackendProvider[] = [
  nodeWebgpuProvider,
  onnxProvider,
  referenceProvider,
];

/** Uses the backend of the option `--backend`, else of `LORIKEET_BACKEND`, else the best that is there. */
export async function useBackendOption(name: string | undefined): Promise<Backend> {
  return await selectBackend(providers, name ?? (process.env.LORIKEET_BACKEND || undefined));
}
