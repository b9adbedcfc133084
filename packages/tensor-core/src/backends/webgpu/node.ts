import type { BackendProvider } from '../../backends.ts';
import { LorikeetError } from '../../errors.ts';
import { adapterFacts } from './runtime/adapterFacts.ts';
import { createWebgpuBackend, type WebgpuBackend, type WebgpuOptions } from './webgpuBackend.ts';
import { probeOf } from './webgpuProvider.ts';

export interface NodeWebgpuOptions extends Omit<WebgpuOptions, 'gpu'> {
  /** Flags of Dawn, such as `backend=null`. */
  readonly dawn?: readonly string[];
}

/** Dawn aborts if its instance is collected while a device lives: all are held. */
const instances: GPU[] = [];

/**
 * The WebGPU backend on Dawn, by the package `webgpu`.
 *
 * @throws LorikeetError `backend-unavailable` without the package or an adapter.
 */
export async function createNodeWebgpuBackend({
  dawn = [],
  ...options
}: NodeWebgpuOptions = {}): Promise<WebgpuBackend> {
  return await createWebgpuBackend({ ...options, gpu: await openDawn(dawn) });
}

export const nodeWebgpuProvider: BackendProvider = {
  name: 'webgpu',
  rank: 100,
  async probe() {
    try {
      const adapter = await (await openDawn([])).requestAdapter();
      const lack = 'Dawn finds no adapter: there is no Vulkan driver that it can use';
      return probeOf(adapter === null ? undefined : adapterFacts(adapter), lack);
    } catch (error) {
      return { available: false, reason: (error as Error).message };
    }
  },
  create: () => createNodeWebgpuBackend(),
};

async function openDawn(flags: readonly string[]): Promise<GPU> {
  let create: (flags: string[]) => GPU;
  try {
    ({ create } = await import('webgpu'));
  } catch (cause) {
    throw new LorikeetError('backend-unavailable', 'the package `webgpu` is not there', {
      hint: 'npm install webgpu',
      cause,
    });
  }
  const instance = create([...flags]);
  instances.push(instance);
  return instance;
}
