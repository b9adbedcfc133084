import {
  ArrayPool,
  type Backend,
  type BackendLimits,
  type Buffer,
  dtypes,
  type Executable,
  LorikeetError,
  type Program,
  ProgramCache,
  sizeOf,
  valueTypes,
  WorkQueue,
} from '@lorikeet/tensor-core';
import { refusalOf } from '../lowerings.ts';
import { failureOf } from './failure.ts';
import { OnnxBuffer } from './onnxBuffer.ts';
import { ProgramRunner } from './programRunner.ts';
import type { OnnxRuntime } from './runtime.ts';
import { type SessionOptions, sessionOptions } from './sessionOptions.ts';

export interface OnnxBackendOptions extends SessionOptions {
  /** How many programs are kept ready, beyond those that are in use. Defaults to 64. */
  readonly maxSessions?: number;
  /**
   * Programs that read or write fewer elements than this, and only move, choose, add, subtract and multiply, run on the
   * host, to the same bits: a session takes longer to begin. Defaults to 4096; 0 leaves to the host what ONNX has no
   * operators for.
   */
  readonly hostWork?: number;
}

interface OnnxExecutable extends Executable {
  readonly runner: ProgramRunner;
}

export interface OnnxBackend extends Backend {
  /** Has every session that is kept write its profile. */
  endProfiling(): Promise<void>;
}

/** What is kept of arrays that are free: enough for the state of an optimiser of adapters, from step to step. */
const maxPooledBytes = 2 ** 26;

/** A backend that lowers programs to ONNX and has a runtime run them. */
export function createOnnxBackend(
  runtime: OnnxRuntime,
  options: OnnxBackendOptions = {},
): OnnxBackend {
  const queue = new WorkQueue();
  const pool = new ArrayPool(maxPooledBytes);
  const runners = new ProgramCache<ProgramRunner>(options.maxSessions ?? 64);
  const session = sessionOptions(options);
  const hostWork = options.hostWork ?? 4096;
  let liveBytes = 0;

  const owned = (buffer: OnnxBuffer): OnnxBuffer => {
    liveBytes += buffer.byteLength;
    return buffer;
  };

  const limits: BackendLimits = {
    dtypes,
    isNative: (call) =>
      refusalOf(call) === undefined &&
      [call.type, ...call.inputs].every(({ shape }) => sizeOf(shape) > 0),
    maxBufferBytes: 2 ** 32,
    liveBytes: () => liveBytes,
  };

  return {
    name: 'onnx',
    allocate(type) {
      const data = pool.take(type.dtype, sizeOf(type.shape));
      data.fill(0);
      const buffer = new OnnxBuffer(type);
      buffer.settle(data);
      return owned(buffer);
    },
    write: (type, data) => owned(new OnnxBuffer(type, data)),
    async read(_, buffer) {
      await queue.settled();
      return bufferOf(buffer).share();
    },
    compile(program: Program, constants, donated = []): OnnxExecutable {
      const runner = runners.get(program, constants, donated, () => {
        const own = constants.map(bufferOf);
        const made = new ProgramRunner({
          program,
          constants: own,
          donated,
          runtime,
          pool,
          session,
          hostWork,
        });
        queue.add(
          () => made.prepare(),
          (error) => failureOf(error, 'a program could not be made ready'),
        );
        return made;
      });
      return { program, runner };
    },
    run(executable, inputs) {
      if (!isOnnxExecutable(executable)) throw foreign('an executable');
      const { program, runner } = executable;
      const types = valueTypes(program);
      const outputs = program.outputs.map((value) =>
        owned(new OnnxBuffer(types[value] as (typeof types)[number])),
      );
      const given = inputs.map(bufferOf);
      queue.add(
        () => runner.run(given, outputs),
        (error) => {
          const failure = failureOf(error, 'a program failed');
          for (const output of outputs) output.fail(failure);
          return failure;
        },
      );
      return outputs;
    },
    free(buffer) {
      liveBytes -= buffer.byteLength;
      const freed = bufferOf(buffer);
      runners.forget(freed);
      // Not before those that were told to read it have done so.
      queue.add(
        () => {
          const data = freed.take();
          if (data !== undefined && freed.isOwn) pool.give(data);
        },
        (error) => failureOf(error, 'a buffer could not be freed'),
      );
    },
    synchronize: () => queue.synchronize(),
    limits: () => limits,
    async endProfiling() {
      await queue.settled();
      for (const runner of runners.values()) runner.endProfiling();
    },
  };
}

function bufferOf(buffer: Buffer): OnnxBuffer {
  if (buffer instanceof OnnxBuffer) return buffer;
  throw foreign('a buffer');
}

function isOnnxExecutable(executable: Executable): executable is OnnxExecutable {
  return 'runner' in executable;
}

function foreign(what: string): LorikeetError {
  return new LorikeetError('internal', `${what} of another backend was given to the onnx backend`);
}
