import type { DType, TypedArray } from './dtype.ts';
import type { Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';
import type { TensorType } from './type.ts';

/** Static parameters of an op: plain data, part of a program's text and hash. */
export type Attribute =
  | number
  | string
  | boolean
  | null
  | readonly Attribute[]
  | { readonly [name: string]: Attribute };
export type Attributes = { readonly [name: string]: Attribute };
export type NoAttributes = Readonly<Record<string, never>>;

/** Elements as the reference meaning sees them: f16 and bf16 are already decoded to f32. */
export interface Values extends TensorType {
  readonly data: TypedArray;
}

export interface DerivativeArguments<A> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** Derivative of the objective by the output; of the output's shape. */
  readonly gradient: Tensor;
  readonly attributes: A;
}

/**
 * Derivatives of the objective by each input, written in ops: `null` where there is none. A result may
 * have the shape that the input broadcast to; the engine sums it back.
 */
export type Derivative<A> = {
  // Method syntax lets a rule for specific attributes stand where any op is expected.
  rule(args: DerivativeArguments<A>): readonly (Tensor | null)[];
}['rule'];

export interface BatchArguments<A> {
  /** Operands of one call, or of many of the same shape along a new first axis. */
  readonly inputs: readonly Tensor[];
  /** Of each operand whether it has the new axis; at least one has. */
  readonly isBatched: readonly boolean[];
  /** Length of the new axis. */
  readonly size: number;
  readonly attributes: A;
  readonly op: AnyOp;
}

/** The results of many calls of an op along a new first axis, by few calls of ops. `batching.ts` has the common ones. */
export type Batch<A> = {
  // Method syntax, as in `Derivative`.
  rule(args: BatchArguments<A>): Tensor;
}['rule'];

/** For each operand, for each of its axes, the axis of the result that runs along it. */
export type AxisMap = readonly (readonly (number | null)[])[];

/** What lets a program compute a part of a tensor alone. An op may leave all of it out. */
interface Locality<A> {
  /** Whether each element of the result depends only on the elements at its place in the inputs. */
  readonly elementwise?: true;
  /**
   * Which axes of the operands run along which of the result: a part of the result along such an axis needs only that
   * part of the operand. `null` for an axis of which all is needed.
   */
  along?(inputs: readonly TensorType[], attributes: A, type: TensorType): AxisMap | undefined;
  /** An element of the result is 0 where any element that it depends on is, or the first operand's, or every operand's. */
  readonly vanishes?: 'any' | 'first' | 'every';
}

/** What an op knows of one of its operands when a program is simplified. */
export interface SimplifyOperand extends TensorType {
  /** The value of all elements, if the operand is a literal. */
  readonly literal: number | undefined;
}

/** A source of random choices for `sample`; `@lorikeet/laws` draws from fast-check, so that cases shrink. */
export interface Draw {
  integer(min: number, max: number): number;
  boolean(): boolean;
  pick<T>(options: readonly T[]): T;
  /** A shape; sides may be 0 unless `minSide` is given. */
  shape(options?: {
    minRank?: number;
    maxRank?: number;
    minSide?: number;
    maxSide?: number;
  }): number[];
  /** A shape that broadcasts to `shape`. */
  broadcastable(shape: Shape): number[];
  /** A permutation of 0 .. length-1. */
  permutation(length: number): number[];
}

/** How the laws make one operand of an op. */
export interface SampleInput {
  readonly shape: Shape;
  /** Without it: floating point, f64 where derivatives are taken. */
  readonly dtype?: DType;
  /** Where the values lie; without it -2 to 2. */
  readonly range?: readonly [min: number, max: number];
  /** Values where the op has a kink or a jump: samples keep away from them. */
  readonly avoid?: readonly number[];
  /** Whether no two elements may lie close together, as where an order decides. */
  readonly distinct?: boolean;
  /** Makes what the op needs of the drawn elements, row-major: a well-conditioned matrix, for one. Not for integers. */
  readonly arrange?: (values: readonly number[]) => readonly number[];
}

export interface Sample<A> {
  readonly inputs: readonly SampleInput[];
  readonly attributes: A;
}

/** What a rule in WGSL knows of the operands of an elementwise op. */
interface WgslOperands {
  /** What the elements of the first operand are in a kernel: narrow floats are f32 there, narrow integers 32 bits wide. */
  readonly scalar: 'f32' | 'i32' | 'u32' | 'bool';
  /** 0 of that type. */
  readonly zero: string;
  /** An element of that type as bool: whether it is not 0. */
  truth(element: string | undefined): string;
  /** An element of that type as one that has an order: bool as u32. */
  ordered(element: string | undefined): string;
}

/** One element of the result as an expression in WGSL of the elements of the operands, each a name or a literal. */
export type WgslRule = (operands: readonly string[], about: WgslOperands) => string;

/**
 * An op that backends implement themselves.
 *
 * The object is the whole op; leaving out a rule is a type error.
 */
export interface Primitive<A extends Attributes = Attributes> extends Locality<A> {
  readonly kind: 'primitive';
  readonly name: string;
  /** Shape and dtype of the result; throws a typed error on operands that do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): TensorType;
  /** The reference meaning: writes every element of `output`. */
  evaluate(inputs: readonly Values[], attributes: A, output: Values): void;
  /** `'none'` for an op whose result does not vary smoothly with any input. */
  readonly derivative: Derivative<A> | 'none';
  /** How `vmap` calls the op on a batch; `'loop'` calls it once for each. */
  readonly batch: Batch<A> | 'loop';
  /** Hints for `opLaws`: one valid call of the op. */
  sample(draw: Draw): Sample<A>;
  /** Whether each element of the result is some element of the first operand, so that a literal stays one. */
  readonly rearranges?: true;
  /**
   * Of an elementwise op, for the WebGPU backend, which fuses it with its neighbours. It may call the functions of
   * `backends/webgpu/codegen/wgslFunctions.ts`. Without it the op runs on the host.
   */
  readonly wgsl?: WgslRule;
  /** The index of the operand that the result always equals, if the operands show it. */
  simplify?(
    inputs: readonly SimplifyOperand[],
    attributes: A,
    type: TensorType,
  ): number | undefined;
}

/**
 * An op with a default body in other ops. A backend may run it natively; else the body runs.
 *
 * This is where a plug-in extends the framework: from its own package, with the same call.
 */
export interface Composite<A extends Attributes = Attributes> extends Locality<A> {
  readonly kind: 'composite';
  readonly name: string;
  body(inputs: readonly Tensor[], attributes: A): Tensor;
  /** Where the body's derivative is slower or less exact than one written by hand. */
  readonly derivative?: Derivative<A>;
  /** How `vmap` keeps the op whole; without it, it maps the body. */
  readonly batch?: Batch<A>;
  sample(draw: Draw): Sample<A>;
}

export type AnyOp = Primitive | Composite;
