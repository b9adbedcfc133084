import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { createNodeWebgpuBackend, nodeWebgpuProvider } from '@lorikeet/tensor-core/webgpu/node';
import { afterAll, describe, test } from 'vitest';

/** Registers tests that need an adapter. Where there is none, a test is skipped in their place and says why. */
export async function describeOnWebgpu(
  name: string,
  define: (backend: WebgpuBackend) => void,
): Promise<void> {
  const { available, reason } = await nodeWebgpuProvider.probe();
  if (!available) {
    console.warn(`Not checked: ${name}. ${reason}`);
    test(name, ({ skip }) => skip(reason));
    return;
  }
  const backend = await createNodeWebgpuBackend();
  describe(`${name} (${backend.adapter.name})`, () => {
    afterAll(() => backend.destroy());
    define(backend);
  });
}
