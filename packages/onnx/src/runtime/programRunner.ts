import {
  type ArrayPool,
  type LorikeetError,
  type PartitionOptions,
  type Program,
  partition,
  sizeOf,
  type TensorType,
  type TypedArray,
  valueTypes,
} from '@lorikeet/tensor-core';
import type { InferenceSession } from 'onnxruntime-common';
import { isSameOnHost, refusalOf } from '../lowerings.ts';
import { failureOf } from './failure.ts';
import { GraphPart } from './graphPart.ts';
import { HostPart } from './hostPart.ts';
import { writtenInPlace } from './inPlace.ts';
import { LiveValues } from './liveValues.ts';
import type { OnnxBuffer } from './onnxBuffer.ts';
import { workOf } from './programWork.ts';
import type { OnnxRuntime } from './runtime.ts';

export interface ProgramRunnerOptions {
  readonly program: Program;
  readonly constants: readonly OnnxBuffer[];
  /** Inputs that are freed right after each run. */
  readonly donated: readonly number[];
  readonly runtime: OnnxRuntime;
  readonly pool: ArrayPool;
  readonly session: InferenceSession.SessionOptions;
  /** Elements of programs that the host runs itself, if to the same bits. */
  readonly hostWork: number;
}

/** Elements that one thread is through with before a second one has woken up. */
const littleWork = 2 ** 16;

/** Constants of at least so many elements are handed over at each run. */
const many = 256;

/**
 * What ONNX has no operator for runs on the host. ONNX Runtime copies an initializer that it is given in memory, and
 * each session would have its own; an input it reads where it is. What has to be converted first is an initializer.
 */
const cuts: PartitionOptions = {
  refuses: ({ inputs, ...call }) =>
    refusalOf({ ...call, inputs: inputs.filter(({ shape }) => sizeOf(shape) > 0) }) !== undefined,
  holds: ({ dtype, shape }) => (dtype !== 'f32' && dtype !== 'i32') || sizeOf(shape) < many,
};

const onHost: PartitionOptions = { ...cuts, refuses: () => true };

/** One program, ready to run part by part. */
export class ProgramRunner {
  readonly #options: ProgramRunnerOptions;
  readonly #types: readonly TensorType[];
  readonly #parts: readonly (GraphPart | HostPart)[];
  readonly #inPlace: ReadonlyMap<number, number>;
  #isReady = false;
  /** What kept it from being ready, as long as nobody was told. */
  #failure: LorikeetError | undefined;

  /** @throws LorikeetError `unsupported` for what can run nowhere. */
  constructor(options: ProgramRunnerOptions) {
    const { program, runtime, hostWork } = options;
    this.#options = options;
    this.#types = valueTypes(program);
    const isHosts =
      workOf(program) < hostWork && program.instructions.every(({ op }) => isSameOnHost(op));
    this.#inPlace = isHosts ? new Map() : writtenInPlace(program, options.donated);
    this.#parts = partition(program, isHosts ? onHost : cuts).map((part) =>
      part.place === 'device'
        ? new GraphPart(part, runtime)
        : new HostPart(part, program.inputs.length),
    );
  }

  /** Makes the sessions that are not there yet. */
  async prepare(): Promise<void> {
    const { program, constants } = this.#options;
    // Each session has threads of its own, which are not worth it for little.
    const session =
      workOf(program) < littleWork
        ? { ...this.#options.session, intraOpNumThreads: 1 }
        : this.#options.session;
    try {
      for (const part of this.#parts)
        if (part instanceof GraphPart)
          await part.prepare(constants, program.inputs.length, session);
      this.#isReady = true;
    } catch (error) {
      this.#failure = failureOf(error, 'a program could not be made ready');
      throw this.#failure;
    }
  }

  async run(inputs: readonly OnnxBuffer[], outputs: readonly OnnxBuffer[]): Promise<void> {
    if (!this.#isReady) await this.#prepareAgain();
    const { constants, pool } = this.#options;
    const values = new LiveValues();
    for (const [i, { data }] of [...inputs, ...constants].entries()) values.set(i, data);
    const targets = this.#targets(inputs);
    for (const part of this.#parts) await part.run(values, this.#types, pool, targets);
    this.#hand(values, outputs);
    for (const value of targets.keys()) inputs[this.#inPlace.get(value) ?? -1]?.take();
  }

  /** Tells the run for which it was made ready what went wrong. It may have passed for the next one, such as a lack of memory. */
  async #prepareAgain(): Promise<void> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    await this.prepare();
  }

  /** The arrays of results that are written over inputs. Arrays that others have are left as they are. */
  #targets(inputs: readonly OnnxBuffer[]): ReadonlyMap<number, TypedArray> {
    const targets = new Map<number, TypedArray>();
    for (const [value, place] of this.#inPlace) {
      const input = inputs[place];
      if (input?.isOwn === true && inputs.indexOf(input) === inputs.lastIndexOf(input))
        targets.set(value, input.data);
    }
    return targets;
  }

  endProfiling(): void {
    for (const part of this.#parts) if (part instanceof GraphPart) part.endProfiling();
  }

  /** Gives each output an array of its own, and the rest back. */
  #hand(values: LiveValues, outputs: readonly OnnxBuffer[]): void {
    const { program, pool } = this.#options;
    const given = program.inputs.length + program.constants.length;
    const taken = new Set<number>();
    outputs.forEach((output, i) => {
      const value = program.outputs[i] ?? -1;
      const { dtype, shape } = output.type;
      if (sizeOf(shape) === 0) {
        output.settle(pool.take(dtype, 0));
        return;
      }
      const data = values.get(value);
      output.settle(value < given || taken.has(value) ? data.slice() : data);
      taken.add(value);
    });
    for (const [value, data] of values.entries())
      if (value >= given && !taken.has(value)) pool.give(data);
  }
}
