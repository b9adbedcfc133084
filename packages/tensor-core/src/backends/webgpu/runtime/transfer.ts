import { allocateArray, type TypedArray } from '../../../dtype.ts';
import { LorikeetError } from '../../../errors.ts';
import { sizeOf } from '../../../shape.ts';
import { formatType } from '../../../type.ts';
import type { DeviceBuffer } from './deviceBuffer.ts';
import type { Gpu } from './gpu.ts';

/** The memory of a buffer on the device, where it is brought if it is not there yet. */
export function toDevice(gpu: Gpu, buffer: DeviceBuffer): GPUBuffer {
  if (buffer.memory !== undefined) return buffer.memory;
  if (buffer.host === undefined) throw tooEarly();
  buffer.memory = gpu.memory.take(buffer.byteLength, () => `a given ${formatType(buffer.type)}`);
  gpu.upload(buffer.memory, buffer.host);
  // f64 is nothing to the device.
  if (buffer.type.dtype !== 'f64') buffer.host = undefined;
  return buffer.memory;
}

/** The elements of a buffer as they are now, wherever: what is submitted from now on does not change them. */
export async function toHost(
  gpu: Gpu,
  { type, memory, host }: Pick<DeviceBuffer, 'type' | 'memory' | 'host'>,
): Promise<TypedArray> {
  if (host !== undefined) return host;
  if (memory === undefined) throw tooEarly();
  const data = allocateArray(type.dtype, sizeOf(type.shape));
  await gpu.read(memory, data.byteLength, (bytes) =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(bytes),
  );
  return data;
}

function tooEarly(): LorikeetError {
  return new LorikeetError('internal', 'webgpu: a buffer is read before it is computed');
}
