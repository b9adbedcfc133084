import {
  type AnyOp,
  type Attributes,
  type Draw,
  type DType,
  formatShape,
  isFloat,
  type SampleInput,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { drawValues } from './drawValues.ts';

export interface OperandCase extends SampleInput {
  /** In f32 as they are here, so that the same case can be computed in f32 and in f64. */
  readonly values: readonly number[];
}

/** One call of an op with everything that the laws need to look at it. */
export interface OpCase {
  readonly op: AnyOp;
  readonly attributes: Attributes;
  readonly operands: readonly OperandCase[];
  /** Of the weights and directions that a law needs, by `noise`. */
  readonly seed: number;
}

/** Valid calls of `op`, by its own `sample`. */
export function opCases(op: AnyOp): fc.Arbitrary<OpCase> {
  return opCasesWith(op, () => undefined);
}

/** Valid calls of `op`, each with a choice that a law makes about it. */
export function opCasesWith<T>(
  op: AnyOp,
  choose: (
    draw: Draw,
    operands: readonly OperandCase[],
    /** Draws other values for the operand at `index`. */
    again: (index: number) => readonly number[],
  ) => T,
): fc.Arbitrary<OpCase & { readonly choice: T }> {
  return fc.gen().map((gen) => {
    const draw = fastCheckDraw(gen);
    const { inputs, attributes } = op.sample(draw);
    const operands = inputs.map((input) => ({ ...input, values: drawValues(gen, input) }));
    const seed = gen(fc.nat, { max: 2 ** 31 - 1 });
    const again = (index: number): number[] => drawValues(gen, inputs[index] ?? { shape: [] });
    const opCase = { op, attributes, operands, seed, choice: choose(draw, operands, again) };
    return Object.assign(opCase, { [fc.toStringMethod]: () => formatCase(opCase) });
  });
}

/** The case as a call, one operand a line. */
function formatCase({ op, choice, ...opCase }: OpCase & { readonly choice: unknown }): string {
  const { attributes, operands, seed } = opCase;
  const chosen = choice === undefined ? '' : `, ${JSON.stringify(choice)}`;
  const operandLines = operands.map(
    ({ dtype, shape, values }) => `${dtype ?? 'float'}${formatShape(shape)} ${values.join(', ')}`,
  );
  const call = `${op.name} ${JSON.stringify(attributes)} (weights of seed ${seed}${chosen})`;
  return [call, ...operandLines].join('\n');
}

/** Whether a law may choose the float type of the operand, and differentiate by it. */
export function isFree({ dtype }: SampleInput): boolean {
  return dtype === undefined;
}

/** The operands as tensors, the free ones of type `float`. */
export function tensorsOf({ operands }: OpCase, float: DType): Tensor[] {
  return operands.map(({ dtype = float, shape, values }) => tensorOf(values, shape, dtype));
}

/** A tensor of a copy of `values`. */
export function tensorOf(values: ArrayLike<number>, shape: Shape, dtype: DType): Tensor {
  return tensor(Array.from(values), shape, dtype);
}

/** Places of the operands that the laws differentiate by. */
export function freePlaces({ operands }: OpCase): number[] {
  return operands.flatMap((operand, i) =>
    isFree(operand) && sizeOf(operand.shape) > 0 ? [i] : [],
  );
}

/** Whether derivatives flow through a result of this type. */
export function isDifferentiable(op: AnyOp, dtype: DType): boolean {
  return op.derivative !== 'none' && isFloat(dtype);
}
