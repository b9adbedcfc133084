import { mapMode, usage } from './usage.ts';

/** Of each buffer that data passes through, and how many of them there may be. */
const pieceBytes = 2 ** 22;
const maxPieces = 4;

/** Less than this is copied by the driver itself with less ado. */
const smallBytes = 2 ** 20;

/** Brings large data to the device through a few buffers that the host writes to, each used again when it is free. */
export class UploadRing {
  readonly #device: GPUDevice;
  readonly #free: GPUBuffer[] = [];
  #count = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** @param data a multiple of 4 bytes. */
  upload(memory: GPUBuffer, data: Uint8Array): void {
    if (data.byteLength < smallBytes) {
      this.#write(memory, 0, data);
      return;
    }
    for (let at = 0; at < data.byteLength; at += pieceBytes)
      this.#pass(memory, at, data.subarray(at, at + pieceBytes));
  }

  #pass(memory: GPUBuffer, offset: number, piece: Uint8Array): void {
    const staging = this.#free.pop() ?? this.#made();
    // The device is behind: nobody waits for it.
    if (staging === undefined) {
      this.#write(memory, offset, piece);
      return;
    }
    new Uint8Array(staging.getMappedRange(0, piece.byteLength)).set(piece);
    staging.unmap();
    const encoder = this.#device.createCommandEncoder({ label: 'upload' });
    encoder.copyBufferToBuffer(staging, 0, memory, offset, piece.byteLength);
    this.#device.queue.submit([encoder.finish()]);
    staging.mapAsync(mapMode.write).then(
      () => this.#free.push(staging),
      // The device is lost, and says so itself.
      () => undefined,
    );
  }

  #made(): GPUBuffer | undefined {
    if (this.#count === maxPieces) return undefined;
    this.#count += 1;
    return this.#device.createBuffer({
      label: 'upload',
      size: pieceBytes,
      usage: usage.mapWrite | usage.copySource,
      mappedAtCreation: true,
    });
  }

  #write(memory: GPUBuffer, offset: number, data: Uint8Array): void {
    this.#device.queue.writeBuffer(
      memory,
      offset,
      data.buffer as ArrayBuffer,
      data.byteOffset,
      data.byteLength,
    );
  }
}
