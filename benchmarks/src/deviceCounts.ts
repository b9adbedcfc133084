import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';

/** Counts from now on; gives afterwards what one of so many steps did, and the memory. Nothing without WebGPU. */
export function countDevice(
  webgpu: WebgpuBackend | undefined,
): (steps: number) => Readonly<Record<string, number>> {
  const before = webgpu?.statistics();
  return (steps) => {
    const after = webgpu?.statistics();
    if (before === undefined || after === undefined) return {};
    const { pipelines, peakBytes, plannedBytes, unplannedBytes } = after;
    return {
      dispatches: (after.dispatches - before.dispatches) / steps,
      submits: (after.submits - before.submits) / steps,
      pipelines,
      peak_device_mib: peakBytes / 2 ** 20,
      planned_mib: plannedBytes / 2 ** 20,
      unplanned_mib: unplannedBytes / 2 ** 20,
      planned_share: plannedBytes / unplannedBytes,
    };
  };
}
