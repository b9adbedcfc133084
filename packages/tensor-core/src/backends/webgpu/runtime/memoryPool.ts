import { usage } from './usage.ts';

/** What is kept of memory that is free, for the next tensors of the same size. */
const maxKeptBytes = 2 ** 28;

/** Buffers of a device by size. What is given back is soon taken again, in the order of the device's queue. */
export class MemoryPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  #keptBytes = 0;
  #usedBytes = 0;
  #peakBytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of the device that are taken now: in use, or kept. */
  get bytes(): number {
    return this.#usedBytes + this.#keptBytes;
  }

  /** The most bytes that were in use at a time. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Memory for so many bytes, of unspecified content. */
  take(byteLength: number): GPUBuffer {
    const size = roundedUp(byteLength);
    let found = this.#free.get(size)?.pop();
    if (found === undefined)
      found = this.#device.createBuffer({
        size,
        usage: usage.storage | usage.copySource | usage.copyTarget,
      });
    else this.#keptBytes -= size;
    this.#usedBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return found;
  }

  give(memory: GPUBuffer): void {
    const { size } = memory;
    this.#usedBytes -= size;
    if (this.#keptBytes + size > maxKeptBytes) {
      memory.destroy();
      return;
    }
    this.#keptBytes += size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [memory]);
    else list.push(memory);
  }
}

function roundedUp(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}
