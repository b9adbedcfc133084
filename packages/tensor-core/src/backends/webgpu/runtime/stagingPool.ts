import { mapMode, usage } from './usage.ts';

/** What is kept for the next reads. */
const maxKeptBytes = 2 ** 26;

/** Buffers that the device copies to and the host reads: each is used again. */
export class StagingPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  #keptBytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer of at least so many bytes, for `copyBufferToBuffer`. */
  take(byteLength: number): GPUBuffer {
    const size = Math.min(sizeClass(byteLength), this.#device.limits.maxBufferSize);
    const found = this.#free.get(size)?.pop();
    if (found === undefined) return this.#made(size);
    this.#keptBytes -= size;
    return found;
  }

  #made(size: number): GPUBuffer {
    const made = this.#device.createBuffer({
      label: 'read back',
      size,
      usage: usage.mapRead | usage.copyTarget,
      // Mapped, it is zeros even on Dawn's null device, which copies nothing to it.
      mappedAtCreation: true,
    });
    made.unmap();
    return made;
  }

  /** What a buffer holds once all that was submitted has run. The buffer is given back. */
  async read<T>(
    staging: GPUBuffer,
    byteLength: number,
    copy: (bytes: Uint8Array) => T,
  ): Promise<T> {
    await staging.mapAsync(mapMode.read);
    const result = copy(new Uint8Array(staging.getMappedRange(), 0, byteLength));
    staging.unmap();
    this.#give(staging);
    return result;
  }

  #give(staging: GPUBuffer): void {
    const { size } = staging;
    if (this.#keptBytes + size > maxKeptBytes) {
      staging.destroy();
      return;
    }
    this.#keptBytes += size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [staging]);
    else list.push(staging);
  }
}

/** Few sizes, so that they are found again: powers of two, and for much data whole MiB. */
function sizeClass(bytes: number): number {
  const whole = 2 ** 20;
  return bytes > whole
    ? Math.ceil(bytes / whole) * whole
    : 2 ** Math.max(8, Math.ceil(Math.log2(bytes)));
}
