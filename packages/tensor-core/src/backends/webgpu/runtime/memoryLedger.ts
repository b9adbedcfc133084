import type { DeviceBuffer } from './deviceBuffer.ts';
import type { MemoryNeed } from './memoryNeed.ts';
import { pooledBytes } from './memoryPool.ts';

/** What a run will do to the memory of the device. */
export interface RunMemory {
  /** Bytes in use at the most, with all that there is besides. */
  readonly peakBytes: number;
  /** What it is given that is not on the device yet. */
  readonly uploads: ReadonlySet<DeviceBuffer>;
  /** Donated inputs that somebody else has a part in, so that a copy of them is taken over. */
  readonly shared: ReadonlySet<number>;
  /** Results that are copies of other results, or of what was given. */
  readonly copies: ReadonlySet<number>;
}

/**
 * What the device's memory will be once all that was asked for has run: kept when it is asked for, before any of it is
 * allocated. The pool does later what the ledger says.
 */
export class MemoryLedger {
  readonly #chunks: number[] = [];
  #usedBytes = 0;
  #peakBytes = 0;

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The most that was ever needed at a time. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  plan(need: MemoryNeed, given: readonly DeviceBuffer[]): RunMemory {
    const uploads = new Set<DeviceBuffer>();
    for (const i of need.given)
      if (given[i]?.plannedBytes === 0) uploads.add(given[i] as DeviceBuffer);
    const shared = need.inPlace.size === 0 ? none : sharedAmong([...need.inPlace.values()], given);
    const copies = new Set<number>();
    for (const [i, { memory, value }] of need.outputs.entries()) {
      const source = given[value];
      const isOnDevice = source !== undefined && (source.plannedBytes > 0 || uploads.has(source));
      if (memory === 'copy' || (memory === 'given' && isOnDevice)) copies.add(i);
    }
    let peakBytes = this.#usedBytes;
    for (const { byteLength } of uploads) peakBytes += pooledBytes(byteLength);
    for (const [i, size] of need.chunks.entries())
      peakBytes += Math.max(0, size - (this.#chunks[i] ?? 0));
    for (const size of need.values.values()) peakBytes += pooledBytes(size);
    for (const input of shared) peakBytes += pooledBytes(given[input]?.byteLength ?? 0);
    for (const i of copies) peakBytes += pooledBytes(need.outputs[i]?.bytes ?? 0);
    return { peakBytes, uploads, shared, copies };
  }

  /** Enters a run as planned. */
  enter(
    need: MemoryNeed,
    { peakBytes, uploads, shared, copies }: RunMemory,
    given: readonly DeviceBuffer[],
    results: readonly DeviceBuffer[],
  ): void {
    this.#peakBytes = Math.max(this.#peakBytes, peakBytes);
    this.#usedBytes = peakBytes;
    for (const [i, size] of need.chunks.entries())
      this.#chunks[i] = Math.max(size, this.#chunks[i] ?? 0);
    for (const buffer of uploads) buffer.plannedBytes = pooledBytes(buffer.byteLength);
    for (const input of need.inPlace.values())
      if (!shared.has(input)) (given[input] as DeviceBuffer).plannedBytes = 0;
    // What the values took is given back, but for what became a result.
    for (const size of need.values.values()) this.#usedBytes -= pooledBytes(size);
    for (const [i, { memory, value, bytes }] of need.outputs.entries()) {
      if (memory !== 'own' && !copies.has(i)) continue;
      (results[i] as DeviceBuffer).plannedBytes = pooledBytes(bytes);
      if (memory === 'own' && !need.inPlace.has(value)) this.#usedBytes += pooledBytes(bytes);
    }
  }

  /** The memory of a buffer is given back, or will not be taken after all. */
  free(buffer: DeviceBuffer): void {
    this.#usedBytes -= buffer.plannedBytes;
    buffer.plannedBytes = 0;
  }
}

const none: ReadonlySet<number> = new Set();

/** Those of `inputs` whose memory is given to a run under more than one number. */
function sharedAmong(inputs: readonly number[], given: readonly DeviceBuffer[]): Set<number> {
  const seen = new Set<DeviceBuffer>();
  const repeated = new Set<DeviceBuffer>();
  for (const buffer of given) (seen.has(buffer) ? repeated : seen).add(buffer);
  return new Set(inputs.filter((input) => repeated.has(given[input] as DeviceBuffer)));
}
