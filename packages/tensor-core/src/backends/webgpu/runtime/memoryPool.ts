import { LorikeetError } from '../../../errors.ts';
import { usage } from './usage.ts';

/** What is kept of memory that is free, for the next tensors of the same size. */
const maxKeptBytes = 2 ** 28;

/** A buffer of at least this size is asked after: the device may not have so much. */
const bigBytes = 2 ** 20;

/** Buffers of a device by size. What is given back is soon taken again, in the order of the device's queue. */
export class MemoryPool {
  readonly #device: GPUDevice;
  readonly #maxBytes: number;
  readonly #free = new Map<number, GPUBuffer[]>();
  /** Buffers that the device turned out to have no memory for. */
  readonly #refused = new WeakSet<GPUBuffer>();
  #refusals: Promise<LorikeetError | undefined>[] = [];
  #keptBytes = 0;
  #usedBytes = 0;
  #peakBytes = 0;

  /** @param maxBytes what may be taken of the device: memory that is only kept gives way to memory that is needed. */
  constructor(device: GPUDevice, maxBytes: number = Number.POSITIVE_INFINITY) {
    this.#device = device;
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the device that are taken now: in use, or kept. */
  get bytes(): number {
    return this.#usedBytes + this.#keptBytes;
  }

  /** The most bytes that were in use at a time. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /**
   * Memory for so many bytes, of unspecified content.
   *
   * @param label what it is first for, as messages of the device tell it.
   */
  take(byteLength: number, label: () => string): GPUBuffer {
    const size = pooledBytes(byteLength);
    let found = this.#free.get(size)?.pop();
    if (found === undefined) {
      if (this.bytes + size > this.#maxBytes) this.#letGo();
      found = this.#created(size, label());
    } else this.#keptBytes -= size;
    this.#usedBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return found;
  }

  give(memory: GPUBuffer): void {
    const { size } = memory;
    if (this.#keptBytes + size > maxKeptBytes || this.isRefused(memory)) {
      this.discard(memory);
      return;
    }
    this.#usedBytes -= size;
    this.#keptBytes += size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [memory]);
    else list.push(memory);
  }

  /** Gives back what nobody will take again. */
  discard(memory: GPUBuffer): void {
    this.#usedBytes -= memory.size;
    memory.destroy();
  }

  isRefused(memory: GPUBuffer): boolean {
    return this.#refused.has(memory);
  }

  /** For each big buffer that was made since the last time: whether the device turns out not to have had the memory. */
  takeRefusals(): readonly Promise<LorikeetError | undefined>[] {
    const refusals = this.#refusals;
    if (refusals.length > 0) this.#refusals = [];
    return refusals;
  }

  #created(size: number, label: string): GPUBuffer {
    const isBig = size >= bigBytes;
    if (isBig) this.#device.pushErrorScope('out-of-memory');
    const made = this.#device.createBuffer({
      label,
      size,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    if (isBig) this.#refusals.push(this.#refusalOf(made, label));
    return made;
  }

  async #refusalOf(made: GPUBuffer, label: string): Promise<LorikeetError | undefined> {
    const taken = this.bytes;
    // A device that is lost says so itself.
    const error = await this.#device.popErrorScope().catch(() => null);
    if (error === null) return undefined;
    this.#refused.add(made);
    return new LorikeetError('out-of-memory', `webgpu: the device has no memory for ${label}`, {
      expected: `${made.size} bytes besides the ${taken} that are taken`,
      received: error.message,
      hint: 'checkpoint layers, or take a smaller batch; `maxBytes` refuses such a program before it runs',
    });
  }

  #letGo(): void {
    for (const list of this.#free.values()) for (const memory of list) memory.destroy();
    this.#free.clear();
    this.#keptBytes = 0;
  }
}

/** What a buffer takes in the pool. */
export function pooledBytes(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}
