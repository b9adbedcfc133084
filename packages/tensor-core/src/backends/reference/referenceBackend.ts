import type { Backend, BackendLimits, Buffer, Executable } from '../../backend.ts';
import { byteLengthOf, dtypes, type TypedArray } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Program } from '../../program.ts';
import { sizeOf } from '../../shape.ts';
import type { TensorType } from '../../type.ts';
import { ArrayPool } from './arrayPool.ts';
import { lastUses, runProgram } from './runProgram.ts';

/** A buffer of the reference backend is its typed array. */
interface HostBuffer extends Buffer {
  readonly data: TypedArray;
  /** Whether the array came from the pool. One that was written is the caller's: it is shared, not copied. */
  readonly isPooled: boolean;
}

interface HostExecutable extends Executable {
  readonly constants: readonly TypedArray[];
  /** For each instruction, the values that are not needed after it. */
  readonly dying: readonly (readonly number[])[];
}

/** The reference backend: every op by its `evaluate`, one after the other. */
export function createReferenceBackend(): Backend {
  const pool = new ArrayPool();
  let liveBytes = 0;

  const wrap = (data: TypedArray, isPooled = true): HostBuffer => {
    liveBytes += data.byteLength;
    return { data, byteLength: data.byteLength, isPooled };
  };

  const limits: BackendLimits = {
    dtypes,
    isNative: () => false,
    maxBufferBytes: 2 ** 32,
    liveBytes: () => liveBytes,
  };

  return {
    name: 'reference',
    allocate(type) {
      const data = pool.take(type.dtype, sizeOf(type.shape));
      data.fill(0);
      return wrap(data);
    },
    write: (_, data) => wrap(data, false),
    async read(type, buffer) {
      requireBytes(type, buffer);
      return dataOf(buffer).slice();
    },
    compile(program: Program, constants): HostExecutable {
      return { program, constants: constants.map(dataOf), dying: lastUses(program) };
    },
    run(executable, inputs) {
      if (!isHostExecutable(executable)) throw foreign('an executable');
      return runProgram(
        executable.program,
        [...inputs.map(dataOf), ...executable.constants],
        executable.dying,
        pool,
      ).map((data) => wrap(data));
    },
    free(buffer) {
      liveBytes -= buffer.byteLength;
      if (hostBufferOf(buffer).isPooled) pool.give(dataOf(buffer));
    },
    async synchronize() {},
    limits: () => limits,
  };
}

function dataOf(buffer: Buffer): TypedArray {
  return hostBufferOf(buffer).data;
}

function hostBufferOf(buffer: Buffer): HostBuffer {
  if (isHostBuffer(buffer)) return buffer;
  throw foreign('a buffer');
}

function isHostBuffer(buffer: Buffer): buffer is HostBuffer {
  return 'isPooled' in buffer;
}

function isHostExecutable(executable: Executable): executable is HostExecutable {
  return 'dying' in executable;
}

function foreign(what: string): LorikeetError {
  return new LorikeetError(
    'internal',
    `${what} of another backend was given to the reference backend`,
  );
}

function requireBytes(type: TensorType, buffer: Buffer): void {
  const expected = byteLengthOf(type.dtype, sizeOf(type.shape));
  if (buffer.byteLength !== expected)
    throw new LorikeetError('internal', `a buffer of ${buffer.byteLength} bytes for ${expected}`);
}
