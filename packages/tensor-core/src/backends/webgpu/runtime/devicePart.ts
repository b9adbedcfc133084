import { byteLengthOf } from '../../../dtype.ts';
import type { LorikeetError } from '../../../errors.ts';
import { indexOutOfRange } from '../../../ops/index/gather.ts';
import { sizeOf } from '../../../shape.ts';
import type { Part } from '../../partition.ts';
import { emitProgram } from '../emit/emitProgram.ts';
import type { KernelText, Tiling } from '../emit/kernelText.ts';
import { ProgramValues } from '../schedule/programValues.ts';
import { prepared } from '../schedule/rewrites.ts';
import { schedule } from '../schedule/schedule.ts';
import { type ArenaPlan, type Lifetime, planArena } from './arenaPlan.ts';
import type { Gpu } from './gpu.ts';
import { mapMode, usage } from './usage.ts';

interface Kernel extends KernelText {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly groupsX: number;
  readonly groupsY: number;
  /** Bind groups by the buffers in them, the last used last. */
  readonly bindGroups: Map<string, GPUBindGroup>;
}

/** A step takes turns with few sets of buffers. */
const maxBindGroups = 8;

const identities = new WeakMap<GPUBuffer, number>();
let identityCount = 0;

function identityOf(memory: GPUBuffer): number {
  let identity = identities.get(memory);
  if (identity === undefined) {
    identity = identityCount++;
    identities.set(memory, identity);
  }
  return identity;
}

/** A part of a program as kernels, which are one list of commands in each run. */
export class DevicePart {
  readonly #gpu: Gpu;
  readonly #values: ProgramValues;
  readonly #texts: readonly KernelText[];
  readonly #arena: ArenaPlan;
  /** Bytes of all that is neither given nor a result. */
  readonly unplannedBytes: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  #kernels: readonly Kernel[] | undefined;
  #faults: GPUBuffer | undefined;

  /** @param inputCount of the whole program, behind which its constants are numbered. */
  constructor(gpu: Gpu, part: Part, tiling: Tiling) {
    this.#gpu = gpu;
    this.inputs = part.inputs;
    this.outputs = part.outputs;
    const { maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = gpu.device.limits;
    this.#values = new ProgramValues(prepared(part.program));
    const plans = schedule(this.#values, maxStorageBuffersPerShaderStage, tiling);
    this.#texts = emitProgram(this.#values, plans, {
      maxBindingBytes: maxStorageBufferBindingSize,
      tiling,
      subgroups: gpu.subgroups,
    });
    const lifetimes = lifetimesOf(this.#values, this.#texts);
    this.unplannedBytes = lifetimes.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#arena = planArena(lifetimes);
  }

  get kernels(): readonly KernelText[] {
    return this.#texts;
  }

  get arenaBytes(): number {
    return this.#arena.bytes;
  }

  async prepare(): Promise<void> {
    if (this.#kernels !== undefined) return;
    const gpu = this.#gpu;
    const limit = gpu.device.limits.maxComputeWorkgroupsPerDimension;
    this.#kernels = await Promise.all(
      this.#texts.map(async (text) => {
        const signature = text.bindings.map(({ writes }) => (writes ? 'w' : 'r')).join('');
        const groupsX = Math.min(text.groups, limit);
        return {
          ...text,
          pipeline: await gpu.pipeline(text.name, text.wgsl, signature),
          layout: gpu.layout(signature).group,
          groupsX,
          groupsY: Math.ceil(text.groups / groupsX),
          bindGroups: new Map<string, GPUBindGroup>(),
        };
      }),
    );
  }

  /**
   * Submits all kernels, with memory for what the part is given and for its results.
   *
   * @returns what turns out to have gone wrong, if anything can.
   */
  run(
    given: readonly GPUBuffer[],
    results: readonly GPUBuffer[],
  ): Promise<LorikeetError | undefined> | undefined {
    const gpu = this.#gpu;
    const { program } = this.#values;
    const arena = this.#arena.bytes === 0 ? undefined : gpu.scratch(this.#arena.bytes);
    const memory = new Map<number, GPUBuffer>();
    for (const [i, buffer] of given.entries()) memory.set(i, buffer);
    for (const [i, value] of program.outputs.entries()) memory.set(value, results[i] as GPUBuffer);
    const hasFaults = this.#values.faults.length > 0;
    if (hasFaults) this.#faults ??= gpu.memory.take(faultBytes(this.#values));
    const encoder = gpu.device.createCommandEncoder();
    if (this.#faults !== undefined) encoder.clearBuffer(this.#faults, 0, faultBytes(this.#values));
    const profiled = gpu.profiler?.begin(this.#texts);
    let pass: GPUComputePassEncoder | undefined;
    for (const [i, kernel] of (this.#kernels ?? []).entries()) {
      pass ??= encoder.beginComputePass(profiled?.pass(i));
      pass.setPipeline(kernel.pipeline);
      pass.setBindGroup(0, this.#bindGroup(kernel, memory, arena));
      pass.dispatchWorkgroups(kernel.groupsX, kernel.groupsY);
      gpu.counts.dispatches += 1;
      if (profiled === undefined) continue;
      pass.end();
      pass = undefined;
    }
    pass?.end();
    profiled?.end(encoder);
    const faults = hasFaults ? this.#copyFaults(encoder) : undefined;
    gpu.submit(encoder.finish());
    profiled?.submitted();
    return faults === undefined ? undefined : this.#faultIn(faults);
  }

  #bindGroup(
    kernel: Kernel,
    memory: ReadonlyMap<number, GPUBuffer>,
    arena: GPUBuffer | undefined,
  ): GPUBindGroup {
    const bufferOf = (value: number): GPUBuffer =>
      (value < 0 ? this.#faults : (memory.get(value) ?? arena)) as GPUBuffer;
    const key = kernel.bindings.map(({ value }) => identityOf(bufferOf(value))).join();
    const known = kernel.bindGroups.get(key);
    if (known !== undefined) {
      kernel.bindGroups.delete(key);
      kernel.bindGroups.set(key, known);
      return known;
    }
    const made = this.#gpu.device.createBindGroup({
      layout: kernel.layout,
      entries: kernel.bindings.map(({ value, offset, bytes }, binding) => ({
        binding,
        resource: {
          buffer: bufferOf(value),
          offset: offset + (this.#arena.offsets.get(value) ?? 0),
          size: value < 0 ? faultBytes(this.#values) : bytes,
        },
      })),
    });
    kernel.bindGroups.set(key, made);
    const [oldest] = kernel.bindGroups.keys();
    if (kernel.bindGroups.size > maxBindGroups && oldest !== undefined)
      kernel.bindGroups.delete(oldest);
    return made;
  }

  #copyFaults(encoder: GPUCommandEncoder): GPUBuffer {
    const size = faultBytes(this.#values);
    const staging = this.#gpu.device.createBuffer({
      size,
      usage: usage.mapRead | usage.copyTarget,
    });
    encoder.copyBufferToBuffer(this.#faults as GPUBuffer, 0, staging, 0, size);
    return staging;
  }

  async #faultIn(staging: GPUBuffer): Promise<LorikeetError | undefined> {
    try {
      await staging.mapAsync(mapMode.read);
    } catch {
      // The device is lost, and says so itself.
      return undefined;
    }
    const words = new Int32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    for (const [slot, { op, side, path }] of this.#values.faults.entries())
      if (words[2 * slot] !== 0) return indexOutOfRange(op, words[2 * slot + 1] ?? 0, side, path);
    return undefined;
  }
}

function faultBytes({ faults }: ProgramValues): number {
  return Math.max(16, 8 * faults.length);
}

function lifetimesOf(values: ProgramValues, kernels: readonly KernelText[]): Lifetime[] {
  const outputs = new Set(values.program.outputs);
  const lifetimes = new Map<number, Lifetime>();
  kernels.forEach(({ bindings }, step) => {
    for (const { value } of bindings) {
      if (value < values.first || outputs.has(value)) continue;
      const { dtype, shape } = values.memoryType(value);
      const bytes = Math.max(4, Math.ceil(byteLengthOf(dtype, sizeOf(shape)) / 4) * 4);
      const known = lifetimes.get(value);
      lifetimes.set(value, { value, bytes, from: known?.from ?? step, until: step });
    }
  });
  return [...lifetimes.values()];
}
