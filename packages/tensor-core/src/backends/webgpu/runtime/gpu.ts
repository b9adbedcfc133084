import type { SubgroupSizes } from '../emit/kernelText.ts';
import { DeviceHealth } from './deviceHealth.ts';
import { MemoryPool } from './memoryPool.ts';
import { PipelineCache } from './pipelineCache.ts';
import { Profiler } from './profiler.ts';
import { StagingPool } from './stagingPool.ts';
import { UploadRing } from './uploadRing.ts';

export interface GpuOptions {
  readonly profile?: boolean;
  /** The most memory that may be taken. */
  readonly maxBytes?: number | undefined;
  readonly isSoftware?: boolean;
}

/** A device with what is kept for all programs: memory, pipelines, and what went wrong. */
export class Gpu {
  readonly device: GPUDevice;
  readonly memory: MemoryPool;
  readonly pipelines: PipelineCache;
  readonly health: DeviceHealth;
  readonly staging: StagingPool;
  readonly profiler: Profiler | undefined;
  /** Of a device that has 'subgroups'. */
  readonly subgroups: SubgroupSizes | undefined;
  /** Whether a CPU runs the kernels. */
  readonly isSoftware: boolean;
  readonly counts = { dispatches: 0, submits: 0 };
  readonly #uploads: UploadRing;
  readonly #scratch: GPUBuffer[] = [];

  constructor(
    device: GPUDevice,
    { profile = false, maxBytes, isSoftware = false }: GpuOptions = {},
  ) {
    this.isSoftware = isSoftware;
    this.device = device;
    this.profiler = profile ? new Profiler(device) : undefined;
    this.subgroups = subgroupsOf(device);
    this.memory = new MemoryPool(device, maxBytes);
    this.pipelines = new PipelineCache(device);
    this.health = new DeviceHealth(device);
    this.staging = new StagingPool(device);
    this.#uploads = new UploadRing(device);
  }

  /** Memory that lasts for one run, each chunk of at least so many bytes: all programs share it, one after the other. */
  scratch(chunks: readonly number[]): readonly GPUBuffer[] {
    chunks.forEach((bytes, i) => {
      const known = this.#scratch[i];
      if (known !== undefined && known.size >= bytes && !this.memory.isRefused(known)) return;
      if (known !== undefined) this.memory.discard(known);
      this.#scratch[i] = this.memory.take(bytes, () => `intermediates ${i}`);
    });
    return this.#scratch;
  }

  /**
   * Has a copy taken now, as the last thing that was submitted, of what `memory` holds.
   *
   * @returns what `copy` makes of it, once the device is so far.
   */
  read<T>(memory: GPUBuffer, byteLength: number, copy: (bytes: Uint8Array) => T): Promise<T> {
    const staging = this.staging.take(byteLength);
    const encoder = this.device.createCommandEncoder({ label: 'read back' });
    encoder.copyBufferToBuffer(memory, 0, staging, 0, Math.ceil(byteLength / 4) * 4);
    this.submit(encoder.finish());
    return this.health.whileAlive(this.staging.read(staging, byteLength, copy));
  }

  upload(memory: GPUBuffer, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
    const whole = byteLength - (byteLength % 4);
    if (whole > 0) this.#uploads.upload(memory, new Uint8Array(buffer, byteOffset, whole));
    if (whole === byteLength) return;
    const rest = new Uint8Array(4);
    rest.set(new Uint8Array(buffer, byteOffset + whole, byteLength - whole));
    this.device.queue.writeBuffer(memory, whole, rest);
  }

  submit(commands: GPUCommandBuffer): void {
    this.counts.submits += 1;
    this.device.queue.submit([commands]);
  }

  destroy(): void {
    this.health.destroyed();
    this.device.destroy();
  }
}

function subgroupsOf({ features, adapterInfo }: GPUDevice): SubgroupSizes | undefined {
  const { subgroupMinSize: min, subgroupMaxSize: max } = adapterInfo;
  return features.has('subgroups') && min !== undefined && max !== undefined
    ? { min, max }
    : undefined;
}
