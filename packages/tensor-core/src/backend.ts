import type { DType, TypedArray } from './dtype.ts';
import type { Attributes, Composite } from './op.ts';
import type { Program } from './program.ts';
import type { TensorType } from './type.ts';

/** A backend's own handle of memory. Nothing outside the backend looks into it. */
export interface Buffer {
  readonly byteLength: number;
}

/** A program made ready to run. */
export interface Executable {
  readonly program: Program;
}

export interface CompositeCall {
  readonly op: Composite;
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
  /** Of the result. */
  readonly type: TensorType;
}

export interface BackendLimits {
  readonly dtypes: readonly DType[];
  /** Whether the backend runs a call of a composite itself; of all others it gets the body. */
  isNative(call: CompositeCall): boolean;
  readonly maxBufferBytes: number;
  /** Bytes of live buffers now. */
  liveBytes(): number;
}

/**
 * What runs programs.
 *
 * `run` may return before the work is done: `read` and `synchronize` wait for it, and report what failed.
 */
export interface Backend {
  readonly name: string;
  /** Zeros of `type`. */
  allocate(type: TensorType): Buffer;
  /** A new buffer with `data`, the storage of `type.dtype`. */
  write(type: TensorType, data: TypedArray): Buffer;
  read(type: TensorType, buffer: Buffer): Promise<TypedArray>;
  /**
   * `constants` are the buffers of `program.constants`: the same in every run, so they may be packed once. `donated` are
   * inputs whose buffers are freed right after each run, so that results may take over their memory.
   */
  compile(program: Program, constants: readonly Buffer[], donated?: readonly number[]): Executable;
  run(executable: Executable, inputs: readonly Buffer[]): readonly Buffer[];
  free(buffer: Buffer): void;
  synchronize(): Promise<void>;
  limits(): BackendLimits;
}
