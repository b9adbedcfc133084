import type { DeviceProgram } from './deviceProgram.ts';
import { pooledBytes } from './memoryPool.ts';

/** What a program takes of the device's memory, told before it runs. Bytes. */
export interface MemoryPrediction {
  /** Of inputs and constants that kernels read. */
  readonly given: number;
  /** Of results, where they do not take over the memory of a donated input, and of what is handed between device and host. */
  readonly values: number;
  readonly scratch: number;
  /** The most that is in use at a time if nothing else is on the device. */
  readonly peak: number;
}

export function memoryPrediction({ need, givenBytes }: DeviceProgram): MemoryPrediction {
  const sum = (sizes: Iterable<number>): number =>
    [...sizes].reduce((total, bytes) => total + pooledBytes(bytes), 0);
  const copies = need.outputs.filter(
    ({ memory, value }) => memory === 'copy' || (memory === 'given' && need.given.has(value)),
  );
  const given = sum([...need.given].map((i) => givenBytes[i] ?? 0));
  const values = sum(need.values.values()) + sum(copies.map(({ bytes }) => bytes));
  const scratch = sum(need.chunks);
  return { given, values, scratch, peak: given + values + scratch };
}
