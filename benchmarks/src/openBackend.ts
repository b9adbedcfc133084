import { type Backend, LorikeetError, useBackend } from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import type { NodeWebgpuOptions } from '@lorikeet/tensor-core/webgpu/node';
import { chooseBackend } from './backends.ts';

export interface BackendFlags {
  readonly backend?: string;
  readonly threads: number;
}

/**
 * Uses the backend of that name, as `chooseBackend`, and gives it if it is the one on WebGPU, with what the others lack.
 *
 * @throws LorikeetError `unsupported` if there are options for WebGPU and another backend is wanted.
 */
export async function openBackend(
  { backend = process.env.LORIKEET_BACKEND, threads }: BackendFlags,
  options: NodeWebgpuOptions = {},
): Promise<WebgpuBackend | undefined> {
  if (backend === 'webgpu') {
    const opened = await createWebgpu(options);
    useBackend(opened);
    return opened;
  }
  if (Object.keys(options).length > 0)
    throw new LorikeetError('unsupported', 'the options are for WebGPU', {
      expected: '--backend webgpu',
      received: backend === undefined ? 'no backend' : `--backend ${backend}`,
    });
  await chooseBackend(backend, threads);
  return undefined;
}

/** A backend on WebGPU beside the one in use. */
export async function createWebgpu(options: NodeWebgpuOptions): Promise<WebgpuBackend> {
  // All other benchmarks run where Dawn does not.
  const { createNodeWebgpuBackend } = await import('@lorikeet/tensor-core/webgpu/node');
  return await createNodeWebgpuBackend(options);
}

/** What reports say of the adapter; nothing of a backend that has none. */
export function adapterFigures(
  backend: Backend | WebgpuBackend,
): Readonly<Record<string, unknown>> {
  if (!('adapter' in backend)) return {};
  const { name, isSoftware } = backend.adapter;
  return {
    adapter: name,
    ...(isSoftware ? { note: 'a software adapter: these figures say nothing of GPUs' } : {}),
  };
}
