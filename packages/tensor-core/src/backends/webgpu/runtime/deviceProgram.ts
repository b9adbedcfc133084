import { byteLengthOf, type TypedArray } from '../../../dtype.ts';
import { LorikeetError } from '../../../errors.ts';
import { type Program, valueTypes } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';
import { formatType, type TensorType } from '../../../type.ts';
import { type Part, partition } from '../../partition.ts';
import { ArrayPool } from '../../reference/arrayPool.ts';
import { lastUses, runProgram } from '../../reference/runProgram.ts';
import type { Tiling } from '../emit/kernelText.ts';
import type { DeviceBuffer } from './deviceBuffer.ts';
import { DevicePart, type Donation } from './devicePart.ts';
import type { Gpu } from './gpu.ts';
import type { RunMemory } from './memoryLedger.ts';
import { requireBufferSizes, type SizedValue } from './memoryLimits.ts';
import { type MemoryNeed, memoryNeed } from './memoryNeed.ts';
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

export interface DeviceProgramOptions {
  readonly tiling: Tiling;
  /** Inputs whose memory a run may take over. */
  readonly donated: readonly number[];
}

/** One program, ready to run part by part. */
export class DeviceProgram {
  readonly #gpu: Gpu;
  readonly #types: readonly TensorType[];
  readonly #program: Program;
  readonly #constants: readonly DeviceBuffer[];
  readonly #parts: readonly (DevicePart | HostPart)[];
  readonly #pool = new ArrayPool(0);
  readonly need: MemoryNeed;
  readonly outputTypes: readonly TensorType[];

  /** @throws LorikeetError `out-of-memory` if a value is larger than a buffer may be. */
  constructor(
    gpu: Gpu,
    program: Program,
    constants: readonly DeviceBuffer[],
    { tiling, donated }: DeviceProgramOptions,
  ) {
    this.#gpu = gpu;
    this.#program = program;
    this.#constants = constants;
    this.#types = valueTypes(program);
    this.outputTypes = program.outputs.map((value) => this.#types[value] as TensorType);
    const parts = partition(program, cuts);
    this.#parts = parts.map((part, i) =>
      part.place === 'device'
        ? new DevicePart(gpu, part, tiling, donations(program, donated, part, parts.slice(i + 1)))
        : { part, dying: lastUses(part.program) },
    );
    requireBufferSizes(gpu.device.limits.maxBufferSize, this.sizedValues());
    this.need = memoryNeed(
      program,
      this.#parts.map((part) =>
        part instanceof DevicePart
          ? { part, chunks: part.chunks, inPlace: part.inPlace }
          : { part: part.part },
      ),
      (value) => bytesOf(this.#types[value] as TensorType),
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

  /** What the program is given, and all that is in the device's memory at some time while it runs. */
  sizedValues(): SizedValue[] {
    const inputs = [...this.#types.slice(0, this.#given)].map((type): SizedValue => {
      return { type, bytes: bytesOf(type), op: undefined, path: undefined };
    });
    return [...inputs, ...this.parts.flatMap((part) => part.sizedValues())];
  }

  get constants(): readonly DeviceBuffer[] {
    return this.#constants;
  }

  /** Of inputs and constants. */
  get givenBytes(): readonly number[] {
    return this.#types.slice(0, this.#given).map(bytesOf);
  }

  get #given(): number {
    return this.#program.inputs.length + this.#program.constants.length;
  }

  async prepare(): Promise<void> {
    for (const part of this.parts) await part.prepare();
  }

  async run(
    inputs: readonly DeviceBuffer[],
    outputs: readonly DeviceBuffer[],
    memory: RunMemory,
  ): Promise<void> {
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
          const found = this.#runOnDevice(part, given, live, memory);
          if (found !== undefined) faults.push(found);
        } else await this.#runOnHost(part, given, live);
      }
      this.#hand(given, live, outputs);
    } finally {
      for (const { memory: own, isOwn } of live.values())
        if (own !== undefined && isOwn) this.#gpu.memory.give(own);
    }
    faults.push(...this.#gpu.memory.takeRefusals());
    if (faults.length === 0 && parents.size === 0) return;
    const found = faults.length === 0 ? undefined : firstOf(faults);
    const record = new RunRecord([...parents], found);
    for (const output of outputs) output.run = record;
  }

  #runOnDevice(
    part: DevicePart,
    given: readonly DeviceBuffer[],
    live: Map<number, LiveValue>,
    { shared }: RunMemory,
  ): Promise<LorikeetError | undefined> | undefined {
    const operands = part.inputs.map((value) => this.#memoryOf(value, given, live));
    const results = part.outputs.map((value) => {
      const input = part.inPlace.get(value);
      const memory =
        input === undefined
          ? this.#taken(value)
          : this.#takenOver(given[input] as DeviceBuffer, shared.has(input));
      live.set(value, { memory, isOwn: true });
      if (input !== undefined) operands[part.inputs.indexOf(input)] = memory;
      return memory;
    });
    return part.run(operands, results);
  }

  #taken(value: number): GPUBuffer {
    const type = this.#types[value] as TensorType;
    return this.#gpu.memory.take(bytesOf(type), () => {
      const { op, path } = this.#program.instructions[value - this.#given] ?? {};
      return `${formatType(type)} by ${op?.name}${path === undefined ? '' : ` at ${path}`}`;
    });
  }

  /** The memory of a donated input, or a copy if others have it too. */
  #takenOver(buffer: DeviceBuffer, isShared: boolean): GPUBuffer {
    const memory = toDevice(this.#gpu, buffer);
    if (isShared) return this.#copyOf(memory, buffer.byteLength);
    buffer.memory = undefined;
    return memory;
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
    found.memory = this.#taken(value);
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
    this.need.outputs.forEach(({ value, memory: kind }, i) => {
      const output = outputs[i] as DeviceBuffer;
      const own = live.get(value);
      const { memory, host } = own ?? given[value] ?? {};
      if (kind === 'host' || memory === undefined)
        output.host = host?.slice() ?? this.#pool.take(output.type.dtype, 0);
      else if (kind === 'own' && own !== undefined) {
        output.memory = memory;
        own.isOwn = false;
      } else output.memory = this.#copyOf(memory, output.byteLength);
    });
  }

  #copyOf(memory: GPUBuffer, byteLength: number): GPUBuffer {
    const copy = this.#gpu.memory.take(byteLength, () => 'a copy');
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'copy' });
    encoder.copyBufferToBuffer(memory, 0, copy, 0, Math.ceil(byteLength / 4) * 4);
    this.#gpu.submit(encoder.finish());
    return copy;
  }
}

/** What a part may overwrite: donated inputs that are needed neither by later parts nor as they are. */
function donations(
  program: Program,
  donated: readonly number[],
  part: Part,
  later: readonly Part[],
): Donation {
  const results = new Set(program.outputs);
  const read = new Set(later.flatMap(({ inputs }) => inputs));
  const given = new Set(part.inputs);
  return {
    results,
    inputs: new Set(
      donated.filter((input) => given.has(input) && !results.has(input) && !read.has(input)),
    ),
  };
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
