import type { KernelText } from '../emit/kernelText.ts';
import type { Gpu } from './gpu.ts';

/** A part of a buffer that a kernel is given. */
export interface BoundRange {
  /** Which buffer of those that the program has in a run. */
  readonly slot: number;
  readonly offset: number;
  readonly size: number;
}

/** A step takes turns with few sets of buffers. */
const maxBindGroups = 8;

const identities = new WeakMap<GPUBuffer, number>();
let identityCount = 0;

/** A kernel that is compiled, with the bind groups for the buffers that it was run with. */
export class BoundKernel {
  readonly pipeline: GPUComputePipeline;
  readonly groupsX: number;
  readonly groupsY: number;
  readonly #gpu: Gpu;
  readonly #label: string;
  readonly #layout: GPUBindGroupLayout;
  readonly #ranges: readonly BoundRange[];
  readonly #slots: readonly number[];
  /** By the buffers in them, the last used last. */
  readonly #groups = new Map<string, GPUBindGroup>();
  #latest: GPUBindGroup | undefined;

  static async make(
    gpu: Gpu,
    text: KernelText,
    ranges: readonly BoundRange[],
  ): Promise<BoundKernel> {
    const signature = text.bindings.map(({ writes }) => (writes ? 'w' : 'r')).join('');
    const pipeline = await gpu.pipelines.pipeline(text.name, text.wgsl, signature);
    return new BoundKernel(gpu, text, ranges, pipeline, gpu.pipelines.layout(signature).group);
  }

  private constructor(
    gpu: Gpu,
    { name, path, groups }: KernelText,
    ranges: readonly BoundRange[],
    pipeline: GPUComputePipeline,
    layout: GPUBindGroupLayout,
  ) {
    this.#gpu = gpu;
    this.#label = path === undefined ? name : `${name} at ${path}`;
    this.#layout = layout;
    this.#ranges = ranges;
    this.#slots = [...new Set(ranges.map(({ slot }) => slot))];
    this.pipeline = pipeline;
    this.groupsX = Math.min(groups, gpu.device.limits.maxComputeWorkgroupsPerDimension);
    this.groupsY = Math.ceil(groups / this.groupsX);
  }

  /**
   * @param buffers of this run, by slot.
   * @param changed slots that have another buffer than in the run before.
   */
  bindGroup(buffers: readonly GPUBuffer[], changed: ReadonlySet<number>): GPUBindGroup {
    if (this.#latest !== undefined && !this.#slots.some((slot) => changed.has(slot)))
      return this.#latest;
    const key = this.#slots.map((slot) => identityOf(buffers[slot] as GPUBuffer)).join();
    const group = this.#groups.get(key) ?? this.#made(buffers);
    this.#groups.delete(key);
    this.#groups.set(key, group);
    const [oldest] = this.#groups.keys();
    if (this.#groups.size > maxBindGroups && oldest !== undefined) this.#groups.delete(oldest);
    this.#latest = group;
    return group;
  }

  #made(buffers: readonly GPUBuffer[]): GPUBindGroup {
    return this.#gpu.device.createBindGroup({
      label: this.#label,
      layout: this.#layout,
      entries: this.#ranges.map(({ slot, offset, size }, binding) => ({
        binding,
        resource: { buffer: buffers[slot] as GPUBuffer, offset, size },
      })),
    });
  }
}

function identityOf(memory: GPUBuffer): number {
  let identity = identities.get(memory);
  if (identity === undefined) {
    identity = identityCount++;
    identities.set(memory, identity);
  }
  return identity;
}
