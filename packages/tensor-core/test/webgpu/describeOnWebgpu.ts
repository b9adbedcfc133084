import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import {
  createNodeWebgpuBackend,
  type NodeWebgpuOptions,
  nodeWebgpuProvider,
} from '@lorikeet/tensor-core/webgpu/node';
import { afterAll, describe, test } from 'vitest';

/** Registers tests that need an adapter. Where there is none, a test is skipped in their place and says why. */
export async function describeOnWebgpu(
  name: string,
  define: (backend: WebgpuBackend) => void,
  options: NodeWebgpuOptions = {},
): Promise<void> {
  const { available, reason } = await nodeWebgpuProvider.probe();
  if (!available) {
    console.warn(`Not checked: ${name}. ${reason}`);
    test(name, ({ skip }) => skip(reason));
    return;
  }
  const backend = await createNodeWebgpuBackend(options);
  describe(`${name} (${backend.adapter.name})`, () => {
    afterAll(() => backend.destroy());
    define(backend);
  });
}
