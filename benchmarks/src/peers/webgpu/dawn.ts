import { create, globals } from 'webgpu';

/** Dawn ends the whole process when this is collected while a device of it still works. */
const opened: GPU[] = [];

/** Dawn, and the constants of WebGPU as globals. */
export function openDawn(): GPU {
  Object.assign(globalThis, globals);
  const gpu = create([]);
  opened.push(gpu);
  return gpu;
}

/** Gives libraries that are made for browsers the WebGPU of Dawn, and tells the adapter that they will get. */
export async function provideDawn(): Promise<string> {
  const gpu = openDawn();
  // jax-js asks for the other two.
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    value: { gpu, userAgent: 'node', hardwareConcurrency: 1 },
  });
  const adapter = await gpu.requestAdapter();
  return adapter === null ? 'none' : adapterName(adapter.info);
}

/** The name of an adapter, as `llvmpipe (LLVM 19.1.7, 256 bits)`. */
function adapterName({ device, description, vendor }: GPUAdapterInfo): string {
  return description || device || vendor;
}
