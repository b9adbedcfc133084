import { batchElementwise } from './batching.ts';
import { type DType, isFloat, isInteger, requireDType, type TypedArray } from './dtype.ts';
import { decode, encode } from './encoding.ts';
import { LorikeetError } from './errors.ts';
import type {
  Derivative,
  Draw,
  NoAttributes,
  Primitive,
  Sample,
  SampleInput,
  Values,
  WgslRule,
} from './op.ts';
import { full } from './ops/create/full.ts';
import { cast } from './ops/unary/cast.ts';
import { promote } from './promotion.ts';
import { record } from './record.ts';
import { broadcastShapes, type Shape, sameShape } from './shape.ts';
import { broadcastStrides, forEachRow } from './strides.ts';
import type { Tensor, TensorLike } from './tensor.ts';

type Numeric = 'float' | 'integer' | 'number' | 'any';

const accepts: Readonly<Record<Numeric, (dtype: DType) => boolean>> = {
  float: isFloat,
  integer: isInteger,
  number: (dtype) => dtype !== 'bool',
  any: () => true,
};

interface UnaryRules {
  readonly name: string;
  /** Writes the result for each element. A loop of its own, since a call for each element costs five times as much. */
  readonly loop: (x: TypedArray, out: TypedArray) => void;
  readonly derivative: Derivative<NoAttributes> | 'none';
  /** Where samples lie, and what they keep away from. */
  readonly sample?: Omit<SampleInput, 'shape'>;
  readonly operand?: Numeric;
  /** Dtype of the result where it is not that of the operand. */
  readonly result?: DType;
  readonly vanishes?: 'every';
  readonly wgsl?: WgslRule;
}

/** A primitive that maps each element of one tensor. */
export function unaryPrimitive(rules: UnaryRules): Primitive<NoAttributes> {
  const { name, loop, derivative, operand = 'float', result } = rules;
  return {
    kind: 'primitive',
    name,
    elementwise: true,
    infer([x]) {
      const { shape, dtype } = requireOperand(name, x);
      requireDType(name, dtype, accepts[operand]);
      return { shape, dtype: result ?? dtype };
    },
    evaluate([x], _, output) {
      loop(requireOperand(name, x).data, output.data);
    },
    derivative,
    batch: batchElementwise,
    sample: (draw) => ({ inputs: [{ ...rules.sample, shape: draw.shape() }], attributes: {} }),
    ...(rules.vanishes === undefined ? {} : { vanishes: rules.vanishes }),
    ...(rules.wgsl === undefined ? {} : { wgsl: rules.wgsl }),
  };
}

/**
 * Writes `n` elements of `out` from place `o` on, from `x` at `i` in steps of `p` and `y` at `j` in steps of
 * `q`; a step is 0 where the operand is broadcast.
 */
type RowLoop = (
  out: TypedArray,
  o: number,
  n: number,
  x: TypedArray,
  i: number,
  p: number,
  y: TypedArray,
  j: number,
  q: number,
) => void;

interface BinaryRules {
  readonly name: string;
  readonly loop: RowLoop;
  readonly derivative: Derivative<NoAttributes> | 'none';
  readonly sample?: (draw: Draw, a: Shape, b: Shape) => readonly SampleInput[];
  readonly operand?: Numeric;
  readonly result?: DType;
  readonly simplify?: NonNullable<Primitive['simplify']>;
  readonly vanishes?: 'any' | 'first' | 'every';
  readonly wgsl?: WgslRule;
}

/** A primitive that combines two tensors element by element, with NumPy's broadcasting. */
export function binaryPrimitive(rules: BinaryRules): Primitive<NoAttributes> {
  const { name, loop, derivative, operand = 'number', result, simplify } = rules;
  return {
    kind: 'primitive',
    name,
    elementwise: true,
    infer([a, b]) {
      const x = requireOperand(name, a);
      const y = requireOperand(name, b);
      requireDType(name, x.dtype, accepts[operand]);
      if (x.dtype !== y.dtype) {
        throw new LorikeetError(
          'dtype-mismatch',
          `${name}: operands are ${x.dtype} and ${y.dtype}`,
          { hint: 'cast one of them' },
        );
      }
      return { shape: broadcastShapes(name, x.shape, y.shape), dtype: result ?? x.dtype };
    },
    evaluate([a, b], _, output) {
      evaluateBinary(loop, requireOperand(name, a), requireOperand(name, b), output);
    },
    derivative,
    batch: batchElementwise,
    sample(draw): Sample<NoAttributes> {
      const shape = draw.shape();
      const other = draw.broadcastable(shape);
      const [a, b] = draw.boolean() ? [shape, other] : [other, shape];
      return { inputs: rules.sample?.(draw, a, b) ?? [{ shape: a }, { shape: b }], attributes: {} };
    },
    ...(simplify === undefined ? {} : { simplify }),
    ...(rules.vanishes === undefined ? {} : { vanishes: rules.vanishes }),
    ...(rules.wgsl === undefined ? {} : { wgsl: rules.wgsl }),
  };
}

/** Records a primitive on two operands, promoted to one dtype; a number takes the other's dtype. */
export function recordBinary(op: Primitive<NoAttributes>, a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteOperands(a, b);
  return record(op, [x, y], {});
}

/** Both operands as tensors of the dtype that they promote to. */
export function promoteOperands(a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const x = typeof a === 'number' ? literalLike(a, b) : a;
  const y = typeof b === 'number' ? literalLike(b, a) : b;
  const dtype = promote(x.dtype, y.dtype);
  return [cast(x, dtype), cast(y, dtype)];
}

/** `value` as a tensor; a tensor stays as it is. */
export function asTensor(value: TensorLike): Tensor {
  return typeof value === 'number' ? full([], value) : value;
}

function literalLike(value: number, other: TensorLike): Tensor {
  if (typeof other === 'number') return full([], value);
  const { dtype } = other;
  if (isFloat(dtype)) return full([], value, dtype);
  if (!Number.isInteger(value)) return full([], value);
  const counted = dtype === 'bool' ? 'i32' : dtype;
  if (decode(counted, encode(counted, [value]), 1)[0] === value) return full([], value, counted);
  throw new LorikeetError('dtype-mismatch', `${value} is not a number that ${counted} can hold`, {
    hint: 'convert the tensor with cast(x, dtype) first',
  });
}

function requireOperand<T>(op: string, operand: T | undefined): T {
  if (operand === undefined)
    throw new LorikeetError('invalid-argument', `${op}: an operand is missing`);
  return operand;
}

function evaluateBinary(loop: RowLoop, a: Values, b: Values, output: Values): void {
  const whole = (operand: Values): boolean =>
    operand.data.length === 1 || sameShape(operand.shape, output.shape);
  if (whole(a) && whole(b)) {
    const step = (operand: Values): number => (operand.data.length === 1 ? 0 : 1);
    loop(output.data, 0, output.data.length, a.data, 0, step(a), b.data, 0, step(b));
    return;
  }
  const strides = [a, b].map(({ shape }) => broadcastStrides(shape, output.shape));
  forEachRow(output.shape, strides, (row, offsets, steps, length) => {
    const [i, j] = offsets as [number, number];
    const [p, q] = steps as [number, number];
    loop(output.data, row, length, a.data, i, p, b.data, j, q);
  });
}

/** Samples of which every element of one lies above every element of the other. */
export function apartOperands(draw: Draw, a: Shape, b: Shape): readonly SampleInput[] {
  const low: readonly [number, number] = [-1, 0.9];
  const high: readonly [number, number] = [1.1, 2];
  return draw.boolean()
    ? [
        { shape: a, range: low },
        { shape: b, range: high },
      ]
    : [
        { shape: a, range: high },
        { shape: b, range: low },
      ];
}
