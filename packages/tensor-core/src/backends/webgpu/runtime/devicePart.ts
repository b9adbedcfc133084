import { byteLengthOf } from '../../../dtype.ts';
import type { LorikeetError } from '../../../errors.ts';
import { indexOutOfRange } from '../../../ops/index/gather.ts';
import { sizeOf } from '../../../shape.ts';
import type { Part } from '../../partition.ts';
import type { KernelBinding } from '../codegen/kernelWriter.ts';
import { emitProgram } from '../emit/emitProgram.ts';
import { InPlacePlan } from '../emit/inPlacePlan.ts';
import type { KernelText, Tiling } from '../emit/kernelText.ts';
import { ProgramValues } from '../schedule/programValues.ts';
import { prepared } from '../schedule/rewrites.ts';
import { schedule } from '../schedule/schedule.ts';
import { type ArenaPlan, bindingAlignment, type Lifetime, planArena } from './arenaPlan.ts';
import { BoundKernel, type BoundRange } from './boundKernel.ts';
import type { Gpu } from './gpu.ts';
import type { SizedValue } from './memoryLimits.ts';

/** The number by which kernels bind the notes of faults. */
const faults = -1;

/** Numbers in the whole program. */
export interface Donation {
  /** Inputs that the part may overwrite. */
  readonly inputs: ReadonlySet<number>;
  /** Results that it may write there. */
  readonly results: ReadonlySet<number>;
}

/** A part of a program as kernels, which are one list of commands in each run. */
export class DevicePart {
  readonly #gpu: Gpu;
  readonly #values: ProgramValues;
  readonly #texts: readonly KernelText[];
  readonly #arena: ArenaPlan;
  readonly #lifetimes: readonly Lifetime[];
  /** Bytes of all that is neither given nor a result. */
  readonly unplannedBytes: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  #kernels: readonly BoundKernel[] | undefined;
  /** Of the last run: what it was given, its results, the arena. */
  #buffers: readonly GPUBuffer[] = [];

  /** Results that are written over a donated input, and that input. */
  readonly inPlace: ReadonlyMap<number, number>;

  constructor(gpu: Gpu, part: Part, tiling: Tiling, donation: Donation) {
    this.#gpu = gpu;
    this.inputs = part.inputs;
    this.outputs = part.outputs;
    const limits = gpu.device.limits;
    this.#values = new ProgramValues(prepared(part.program));
    const plans = schedule(this.#values, limits.maxStorageBuffersPerShaderStage, tiling);
    const { program } = this.#values;
    const inPlace = new InPlacePlan(
      this.#values,
      part.inputs.flatMap((input, i) => (donation.inputs.has(input) ? [i] : [])),
      program.outputs.filter((_, i) => donation.results.has(part.outputs[i] ?? -1)),
    );
    this.#texts = emitProgram(this.#values, plans, {
      maxBindingBytes:
        Math.floor(limits.maxStorageBufferBindingSize / bindingAlignment) * bindingAlignment,
      tiling,
      subgroups: gpu.subgroups,
      keepsLoops: gpu.isSoftware,
      inPlace,
    });
    this.inPlace = new Map(
      [...inPlace.finish()].map(([output, input]) => [
        part.outputs[program.outputs.indexOf(output)] ?? -1,
        part.inputs[input] ?? -1,
      ]),
    );
    const lifetimes = lifetimesOf(this.#values, this.#texts);
    this.#lifetimes = lifetimes;
    this.unplannedBytes = lifetimes.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#arena = planArena(lifetimes, limits.maxBufferSize);
  }

  get kernels(): readonly KernelText[] {
    return this.#texts;
  }

  /** Bytes of each buffer that the arena is made of. */
  get chunks(): readonly number[] {
    return this.#arena.chunks;
  }

  /** Intermediates and results: what the part takes memory for. */
  sizedValues(): SizedValue[] {
    const values = this.#values;
    const all = [...this.#lifetimes.map(({ value }) => value), ...values.program.outputs];
    return all.flatMap((value) => {
      const { op, path } = values.instruction(value) ?? {};
      if (op === undefined) return [];
      const { dtype, shape } = values.memoryType(value);
      const bytes = byteLengthOf(dtype, sizeOf(shape));
      return [{ type: values.type(value), bytes, op: op.name, path }];
    });
  }

  async prepare(): Promise<void> {
    if (this.#kernels !== undefined) return;
    this.#kernels = await this.#gpu.health.whileAlive(
      Promise.all(
        this.#texts.map((text) =>
          BoundKernel.make(
            this.#gpu,
            text,
            text.bindings.map((binding) => this.#rangeOf(binding)),
          ),
        ),
      ),
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
    const buffers = [...given, ...results, ...gpu.scratch(this.#arena.chunks)];
    const changed = changedSlots(this.#buffers, buffers);
    this.#buffers = buffers;
    const encoder = gpu.device.createCommandEncoder({ label: 'program' });
    const notes = this.#values.faults.length > 0 ? this.#rangeOf(faultNotes) : undefined;
    if (notes !== undefined)
      encoder.clearBuffer(buffers[notes.slot] as GPUBuffer, notes.offset, this.#faultBytes);
    const profiled = gpu.profiler?.begin(this.#texts);
    let pass: GPUComputePassEncoder | undefined;
    for (const [i, kernel] of (this.#kernels ?? []).entries()) {
      pass ??= encoder.beginComputePass(profiled?.pass(i));
      pass.setPipeline(kernel.pipeline);
      pass.setBindGroup(0, kernel.bindGroup(buffers, changed));
      pass.dispatchWorkgroups(kernel.groupsX, kernel.groupsY);
      gpu.counts.dispatches += 1;
      if (profiled === undefined) continue;
      pass.end();
      pass = undefined;
    }
    pass?.end();
    profiled?.end(encoder);
    const staging = notes === undefined ? undefined : gpu.staging.take(this.#faultBytes);
    if (notes !== undefined && staging !== undefined) {
      const from = buffers[notes.slot] as GPUBuffer;
      encoder.copyBufferToBuffer(from, notes.offset, staging, 0, this.#faultBytes);
    }
    gpu.submit(encoder.finish());
    profiled?.submitted();
    return staging === undefined ? undefined : this.#faultIn(staging);
  }

  get #faultBytes(): number {
    return faultBytes(this.#values);
  }

  /** Which buffer of a run holds what is bound, and where. */
  #rangeOf({ value, offset, bytes }: KernelBinding): BoundRange {
    const { inputs, constants, outputs } = this.#values.program;
    const given = inputs.length + constants.length;
    if (value >= 0 && value < given) return { slot: value, offset, size: bytes };
    const output = outputs.indexOf(value);
    if (output >= 0) return { slot: given + output, offset, size: bytes };
    const place = this.#arena.places.get(value) ?? { chunk: 0, offset: 0 };
    return {
      slot: given + outputs.length + place.chunk,
      offset: offset + place.offset,
      size: value === faults ? this.#faultBytes : bytes,
    };
  }

  async #faultIn(staging: GPUBuffer): Promise<LorikeetError | undefined> {
    const { health, staging: pool } = this.#gpu;
    let words: Int32Array;
    try {
      words = await health.whileAlive(
        pool.read(staging, this.#faultBytes, (bytes) => new Int32Array(bytes.slice().buffer)),
      );
    } catch {
      // The device is lost, and says so itself.
      return undefined;
    }
    for (const [slot, { op, side, path }] of this.#values.faults.entries())
      if (words[2 * slot] !== 0) return indexOutOfRange(op, words[2 * slot + 1] ?? 0, side, path);
    return undefined;
  }
}

const faultNotes: KernelBinding = { value: faults, writes: true, offset: 0, bytes: 0 };

function faultBytes(values: ProgramValues): number {
  return Math.max(16, 8 * values.faults.length);
}

function changedSlots(before: readonly GPUBuffer[], now: readonly GPUBuffer[]): Set<number> {
  const changed = new Set<number>();
  for (const [slot, buffer] of now.entries()) if (before[slot] !== buffer) changed.add(slot);
  return changed;
}

/** Notes of faults are kept from the first kernel to the last: what has none of them must not overwrite them. */
function lifetimesOf(values: ProgramValues, kernels: readonly KernelText[]): Lifetime[] {
  const outputs = new Set(values.program.outputs);
  const lifetimes = new Map<number, Lifetime>();
  if (values.faults.length > 0)
    lifetimes.set(faults, {
      value: faults,
      bytes: faultBytes(values),
      from: 0,
      until: kernels.length,
    });
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
