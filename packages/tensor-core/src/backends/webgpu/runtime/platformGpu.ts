/** WebGPU as browsers have it; Node has none of its own. */
export function platformGpu(): GPU | undefined {
  return (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
}
