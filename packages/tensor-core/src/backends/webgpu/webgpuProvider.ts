import type { BackendProbe, BackendProvider } from '../../backends.ts';
import { type AdapterFacts, adapterFacts } from './runtime/adapterFacts.ts';
import { platformGpu } from './runtime/platformGpu.ts';
import { createWebgpuBackend } from './webgpuBackend.ts';

const ranks = { hardware: 100, software: 20 } as const;

/** WebGPU where the platform has it, as browsers do. */
export const webgpuProvider: BackendProvider = {
  name: 'webgpu',
  rank: ranks.hardware,
  async probe() {
    const adapter = await platformGpu()?.requestAdapter();
    return probeOf(adapter ? adapterFacts(adapter) : undefined, 'the platform gives no adapter');
  },
  create: () => createWebgpuBackend(),
};

/** A software adapter is there for tests: it ranks behind what else computes on the CPU. */
export function probeOf(adapter: AdapterFacts | undefined, lack: string): BackendProbe {
  if (adapter === undefined) return { available: false, reason: lack };
  const { name, isSoftware } = adapter;
  return {
    available: true,
    reason: `WebGPU on ${name}${isSoftware ? ', which is software' : ''}`,
    rank: isSoftware ? ranks.software : ranks.hardware,
  };
}
