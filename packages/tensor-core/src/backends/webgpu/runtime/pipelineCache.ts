import { LorikeetError } from '../../../errors.ts';
import { visibleToCompute } from './usage.ts';

export interface KernelLayout {
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

/** The pipelines of a device by their texts, and layouts by what is bound. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #layouts = new Map<string, KernelLayout>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get size(): number {
    return this.#pipelines.size;
  }

  /** The layout of the bindings of a kernel: `w` for one that is written to, else `r`. */
  layout(signature: string): KernelLayout {
    const known = this.#layouts.get(signature);
    if (known !== undefined) return known;
    const group = this.#device.createBindGroupLayout({
      label: signature,
      entries: [...signature].map((access, binding) => ({
        binding,
        visibility: visibleToCompute,
        buffer: { type: access === 'w' ? 'storage' : 'read-only-storage' },
      })),
    });
    const made = {
      group,
      pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }),
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
    const device = this.#device;
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
}
