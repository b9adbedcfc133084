import { byteLengthOf, type TypedArray } from '../../../dtype.ts';
import { LorikeetError } from '../../../errors.ts';
import { type Program, valueTypes } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';
import type { TensorType } from '../../../type.ts';
import { type Part, partition } from '../../partition.ts';
import { ArrayPool } from '../../reference/arrayPool.ts';
import { lastUses, runProgram } from '../../reference/runProgram.ts';
import type { Tiling } from '../emit/kernelText.ts';
import type { DeviceBuffer } from './deviceBuffer.ts';
import { DevicePart } from './devicePart.ts';
import type { Gpu } from './gpu.ts';
import { cuts } from './refuses.ts';
import { RunRecord } from './runRecord.ts';
import { toDevice, toHost } from './transfer.ts';

interface HostPart {
  readonly part: Part;
  readonly dying: readonly (readonly number[])[];
}

/** A value while a program runs: in one place, the other, or both. */
interface LiveValue {
  host?: TypedArray;
  memory?: GPUBuffer;
  /** Whether the run has taken the memory, and has to give it back or away. */
  isOwn: boolean;
}

/** One program, ready to run part by part. */
export class DeviceProgram {
  readonly #gpu: Gpu;
  readonly #types: readonly TensorType[];
  readonly #program: Program;
  readonly #constants: readonly DeviceBuffer[];
  readonly #parts: readonly (DevicePart | HostPart)[];
  readonly #pool = new ArrayPool(0);

  constructor(gpu: Gpu, program: Program, constants: readonly DeviceBuffer[], tiling: Tiling) {
    this.#gpu = gpu;
    this.#program = program;
    this.#constants = constants;
    this.#types = valueTypes(program);
    this.#parts = partition(program, cuts).map((part) =>
      part.place === 'device'
        ? new DevicePart(gpu, part, tiling)
        : { part, dying: lastUses(part.program) },
    );
  }

  get parts(): readonly DevicePart[] {
    return this.#parts.filter((part) => part instanceof DevicePart);
  }

  /** Names of the ops that run on the host. */
  get hostOps(): readonly string[] {
    return this.#parts.flatMap((part) =>
      part instanceof DevicePart ? [] : part.part.program.instructions.map(({ op }) => op.name),
    );
  }

  async prepare(): Promise<void> {
    for (const part of this.parts) await part.prepare();
  }

  async run(inputs: readonly DeviceBuffer[], outputs: readonly DeviceBuffer[]): Promise<void> {
    const given = [...inputs, ...this.#constants];
    const parents = new Set<RunRecord>();
    for (const { failure, run } of given) {
      if (failure !== undefined) throw failure;
      if (run !== undefined) parents.add(run);
    }
    const live = new Map<number, LiveValue>();
    const faults: Promise<LorikeetError | undefined>[] = [];
    try {
      for (const part of this.#parts) {
        if (part instanceof DevicePart) {
          const found = this.#runOnDevice(part, given, live);
          if (found !== undefined) faults.push(found);
        } else await this.#runOnHost(part, given, live);
      }
      this.#hand(given, live, outputs);
    } finally {
      for (const { memory, isOwn } of live.values())
        if (memory !== undefined && isOwn) this.#gpu.memory.give(memory);
    }
    if (faults.length === 0 && parents.size === 0) return;
    const found = faults.length === 0 ? undefined : firstOf(faults);
    const record = new RunRecord([...parents], found);
    for (const output of outputs) output.run = record;
  }

  #runOnDevice(
    part: DevicePart,
    given: readonly DeviceBuffer[],
    live: Map<number, LiveValue>,
  ): Promise<LorikeetError | undefined> | undefined {
    const operands = part.inputs.map((value) => this.#memoryOf(value, given, live));
    const results = part.outputs.map((value) => {
      const memory = this.#gpu.memory.take(bytesOf(this.#types[value] as TensorType));
      live.set(value, { memory, isOwn: true });
      return memory;
    });
    return part.run(operands, results);
  }

  async #runOnHost(
    { part, dying }: HostPart,
    given: readonly DeviceBuffer[],
    live: Map<number, LiveValue>,
  ): Promise<void> {
    const values = [...part.inputs, ...part.constants.map((i) => this.#program.inputs.length + i)];
    const operands: TypedArray[] = [];
    for (const value of values) operands.push(await this.#dataOf(value, given, live));
    runProgram(part.program, operands, dying, this.#pool).forEach((host, i) => {
      live.set(part.outputs[i] ?? -1, { host, isOwn: true });
    });
  }

  #memoryOf(
    value: number,
    given: readonly DeviceBuffer[],
    live: Map<number, LiveValue>,
  ): GPUBuffer {
    const buffer = given[value];
    if (buffer !== undefined) return toDevice(this.#gpu, buffer);
    const found = live.get(value);
    if (found?.memory !== undefined) return found.memory;
    if (found?.host === undefined) throw new LorikeetError('internal', 'a value is read too early');
    found.memory = this.#gpu.memory.take(found.host.byteLength);
    this.#gpu.upload(found.memory, found.host);
    return found.memory;
  }

  async #dataOf(
    value: number,
    given: readonly DeviceBuffer[],
    live: Map<number, LiveValue>,
  ): Promise<TypedArray> {
    const buffer = given[value];
    if (buffer !== undefined) return await toHost(this.#gpu, buffer);
    const found = live.get(value);
    if (found?.host !== undefined) return found.host;
    const type = this.#types[value] as TensorType;
    const host = await toHost(this.#gpu, { type, memory: found?.memory, host: undefined });
    if (found !== undefined) found.host = host;
    return host;
  }

  /** Gives each output memory of its own. */
  #hand(
    given: readonly DeviceBuffer[],
    live: ReadonlyMap<number, LiveValue>,
    outputs: readonly DeviceBuffer[],
  ): void {
    const taken = new Set<number>();
    outputs.forEach((output, i) => {
      const value = this.#program.outputs[i] ?? -1;
      const source = live.get(value) ?? given[value];
      if (source?.memory === undefined || output.byteLength === 0) {
        output.host = source?.host?.slice() ?? this.#pool.take(output.type.dtype, 0);
        return;
      }
      const own = live.get(value);
      if (own?.isOwn && !taken.has(value)) {
        output.memory = source.memory;
        own.isOwn = false;
      } else output.memory = this.#copyOf(source.memory, output.byteLength);
      taken.add(value);
    });
  }

  #copyOf(memory: GPUBuffer, byteLength: number): GPUBuffer {
    const copy = this.#gpu.memory.take(byteLength);
    const encoder = this.#gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(memory, 0, copy, 0, Math.ceil(byteLength / 4) * 4);
    this.#gpu.submit(encoder.finish());
    return copy;
  }
}

async function firstOf(
  faults: readonly Promise<LorikeetError | undefined>[],
): Promise<LorikeetError | undefined> {
  const found = await Promise.all(faults);
  return found.find((fault) => fault !== undefined);
}

function bytesOf(type: TensorType): number {
  return byteLengthOf(type.dtype, sizeOf(type.shape));
}
