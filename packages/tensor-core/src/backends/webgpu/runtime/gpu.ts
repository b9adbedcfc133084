import { LorikeetError } from '../../../errors.ts';
import type { SubgroupSizes } from '../emit/kernelText.ts';
import { MemoryPool } from './memoryPool.ts';
import { Profiler } from './profiler.ts';
import { mapMode, usage, visibleToCompute } from './usage.ts';

/** A device with what is kept for all programs: memory, pipelines, and what went wrong. */
export class Gpu {
  readonly device: GPUDevice;
  readonly memory: MemoryPool;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  #scratch: GPUBuffer | undefined;
  #failure: LorikeetError | undefined;
  #isDestroyed = false;
  readonly counts = { dispatches: 0, submits: 0 };

  readonly profiler: Profiler | undefined;
  /** Of a device that has 'subgroups'. */
  readonly subgroups: SubgroupSizes | undefined;

  constructor(device: GPUDevice, profile = false) {
    this.device = device;
    this.profiler = profile ? new Profiler(device) : undefined;
    this.memory = new MemoryPool(device);
    this.subgroups = subgroupsOf(device);
    device.onuncapturederror = ({ error }) => {
      this.#failure ??= failureOf(error);
    };
    device.lost.then(({ reason, message }) => {
      if (this.#isDestroyed) return;
      this.#failure = new LorikeetError(
        'backend-failed',
        `webgpu: the device is lost: ${message}`,
        {
          received: reason,
          hint: 'make a new backend and go on from the last state that was kept',
        },
      );
    });
  }

  get pipelineCount(): number {
    return this.#pipelines.size;
  }

  /** Throws what the device has reported since it was last asked. A device that is lost stays so. */
  check(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    if (!failure.summary.includes('device is lost')) this.#failure = undefined;
    throw failure;
  }

  /** The layout of the bindings of a kernel: `w` for one that is written to, else `r`. */
  layout(signature: string): { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout } {
    const known = this.#layouts.get(signature);
    if (known !== undefined) return known;
    const group = this.device.createBindGroupLayout({
      entries: [...signature].map((access, binding) => ({
        binding,
        visibility: visibleToCompute,
        buffer: { type: access === 'w' ? 'storage' : 'read-only-storage' },
      })),
    });
    const made = {
      group,
      pipeline: this.device.createPipelineLayout({ bindGroupLayouts: [group] }),
    };
    this.#layouts.set(signature, made);
    return made;
  }

  /** @throws LorikeetError `backend-failed` with what the compiler says. */
  pipeline(name: string, wgsl: string, signature: string): Promise<GPUComputePipeline> {
    const key = `${signature} ${wgsl}`;
    let found = this.#pipelines.get(key);
    if (found === undefined) {
      found = this.#compiled(name, wgsl, signature);
      this.#pipelines.set(key, found);
    }
    return found;
  }

  async #compiled(name: string, wgsl: string, signature: string): Promise<GPUComputePipeline> {
    const { device } = this;
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code: wgsl, label: name });
    const made = device.createComputePipelineAsync({
      label: name,
      layout: this.layout(signature).pipeline,
      compute: { module, entryPoint: 'main' },
    });
    const [error] = await Promise.all([device.popErrorScope(), made.catch(() => undefined)]);
    try {
      const pipeline = await made;
      if (error === null) return pipeline;
      throw error;
    } catch (cause) {
      const info = await module.getCompilationInfo();
      const messages = info.messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`);
      const reason = messages.length > 0 ? messages.join('; ') : (cause as Error).message;
      throw new LorikeetError(
        'backend-failed',
        `webgpu: the kernel ${name} is not valid: ${reason}`,
        {
          cause,
          hint: wgsl,
        },
      );
    }
  }

  /** Memory that lasts for one run, of at least so many bytes: all programs share it, one after the other. */
  scratch(byteLength: number): GPUBuffer {
    if (this.#scratch === undefined || this.#scratch.size < byteLength) {
      if (byteLength > this.device.limits.maxBufferSize)
        throw new LorikeetError(
          'out-of-memory',
          'webgpu: the program needs more memory than a buffer may have',
          {
            expected: `at most ${this.device.limits.maxBufferSize} bytes`,
            received: `${byteLength} bytes`,
            hint: 'checkpoint layers, or take a smaller batch',
          },
        );
      if (this.#scratch !== undefined) this.memory.give(this.#scratch);
      this.#scratch = this.memory.take(byteLength);
    }
    return this.#scratch;
  }

  /** What the memory holds, once all that was submitted has run. */
  async read(memory: GPUBuffer, byteLength: number): Promise<ArrayBuffer> {
    const { device } = this;
    const size = Math.ceil(byteLength / 4) * 4;
    const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(memory, 0, staging, 0, size);
    this.submit(encoder.finish());
    try {
      await staging.mapAsync(mapMode.read);
    } catch (cause) {
      this.check();
      throw new LorikeetError('backend-failed', 'webgpu: memory could not be read', { cause });
    }
    const data = staging.getMappedRange().slice(0, byteLength);
    staging.destroy();
    return data;
  }

  upload(memory: GPUBuffer, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
    const whole = byteLength - (byteLength % 4);
    if (whole > 0)
      this.device.queue.writeBuffer(memory, 0, buffer as ArrayBuffer, byteOffset, whole);
    if (whole === byteLength) return;
    const rest = new Uint8Array(4);
    rest.set(new Uint8Array(buffer as ArrayBuffer, byteOffset + whole, byteLength - whole));
    this.device.queue.writeBuffer(memory, whole, rest);
  }

  submit(commands: GPUCommandBuffer): void {
    this.counts.submits += 1;
    this.device.queue.submit([commands]);
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.device.destroy();
  }
}

function subgroupsOf({ features, adapterInfo }: GPUDevice): SubgroupSizes | undefined {
  const { subgroupMinSize: min, subgroupMaxSize: max } = adapterInfo;
  return features.has('subgroups') && min !== undefined && max !== undefined
    ? { min, max }
    : undefined;
}

function failureOf(error: GPUError): LorikeetError {
  const isMemory = /memory/i.test(error.constructor.name) || /out of memory/i.test(error.message);
  return new LorikeetError(
    isMemory ? 'out-of-memory' : 'backend-failed',
    `webgpu: ${error.message}`,
  );
}
