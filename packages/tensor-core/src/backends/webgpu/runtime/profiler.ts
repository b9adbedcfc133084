import type { KernelText } from '../emit/kernelText.ts';
import { mapMode, usage } from './usage.ts';

/** One run of a kernel on the device. */
export interface KernelRun {
  readonly name: string;
  /** Of the module that it was made for. */
  readonly path: string;
  readonly start_ns: number;
  readonly duration_ns: number;
  /** Of all that is bound to it. */
  readonly bytes: number;
  readonly flops: number;
}

/** Two times are 16 bytes; a query set has room for the times of so many kernels. */
const maxKernels = 2048;

/** Takes the time of each kernel, which runs in a pass of its own for that. */
export class Profiler {
  readonly #device: GPUDevice;
  #runs: Promise<KernelRun[]>[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Starts to take the times of a list of kernels. */
  begin(kernels: readonly KernelText[]): ProfiledKernels {
    return new ProfiledKernels(this.#device, kernels.slice(0, maxKernels), (runs) =>
      this.#runs.push(runs),
    );
  }

  async take(): Promise<KernelRun[]> {
    const runs = this.#runs;
    this.#runs = [];
    return (await Promise.all(runs)).flat();
  }
}

class ProfiledKernels {
  readonly #kernels: readonly KernelText[];
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #keep: (runs: Promise<KernelRun[]>) => void;

  constructor(
    device: GPUDevice,
    kernels: readonly KernelText[],
    keep: (runs: Promise<KernelRun[]>) => void,
  ) {
    const count = 2 * Math.max(1, kernels.length);
    this.#kernels = kernels;
    this.#keep = keep;
    this.#queries = device.createQuerySet({ type: 'timestamp', count });
    const size = 8 * count;
    this.#resolved = device.createBuffer({ size, usage: usage.queryResolve | usage.copySource });
    this.#staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
  }

  pass(kernel: number): GPUComputePassDescriptor {
    if (kernel >= this.#kernels.length) return {};
    return {
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 2 * kernel,
        endOfPassWriteIndex: 2 * kernel + 1,
      },
    };
  }

  end(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, this.#queries.count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, this.#staging.size);
  }

  submitted(): void {
    this.#keep(this.#read());
  }

  async #read(): Promise<KernelRun[]> {
    await this.#staging.mapAsync(mapMode.read);
    const times = new BigUint64Array(this.#staging.getMappedRange().slice(0));
    for (const used of [this.#staging, this.#resolved, this.#queries]) used.destroy();
    return this.#kernels.map(({ name, path = '', bindings, flops }, i) => {
      const [start, end] = [times[2 * i] ?? 0n, times[2 * i + 1] ?? 0n];
      return {
        name,
        path,
        start_ns: Number(start),
        duration_ns: Number(end - start),
        bytes: bindings.reduce((sum, { bytes }) => sum + bytes, 0),
        flops,
      };
    });
  }
}
