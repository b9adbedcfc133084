import { type AnyOp, type Backend, createReferenceBackend } from '@lorikeet/tensor-core';
import type { Law } from '../law.ts';
import { firstDerivative, isConstant, ownDerivative, secondDerivative } from './derivativeLaws.ts';
import { compilesToItself, equalsReference, ignoresLayout } from './executionLaws.ts';
import { foldsLiterals } from './literalLaw.ts';
import { namesMisfits } from './misfitLaw.ts';
import {
  keepsWholeNumbers,
  roundsOnce,
  staysFiniteInHalf,
  survivesSinglePrecision,
} from './precisionLaws.ts';
import { fillsItsShape, givesNoNaN, keepsDType } from './resultLaws.ts';
import { mapsOverBatch, pushesForward } from './transformLaws.ts';

export interface OpLawOptions {
  /** Backends that must agree with the reference, to `tolerance`. */
  readonly backends?: readonly Backend[];
  /**
   * How far results in f32 may lie from those in f64, and those of a backend from the reference; relative
   * to the largest element, or to 1 if that is larger. Defaults to 1e-5.
   */
  readonly tolerance?: number;
  /** Whether the op is one that holds back a derivative which is not zero. Defaults to false. */
  readonly stopsGradient?: boolean;
}

/**
 * What every op, our own or a plug-in's, must obey. Operands are drawn by the op's own `sample`: they
 * are empty, scalar and broadcast where it lets them be.
 *
 * - A primitive fills exactly the shape of its rule, whatever the memory held, and leaves its operands alone.
 * - Every float type is treated alike, and finite operands give no NaN. A shape is refused by the op's name.
 * - First and second derivatives equal differences in f64, within 1e-6. An op without a derivative is constant.
 * - A composite's own derivative equals that of its body, within 1e-9.
 * - Mapped over a batch it is what a loop gives, within 1e-12; jvp and vjp are adjoint, within 1e-9.
 * - Compiled, on operands of another layout, and with literals, result and gradients are the same bit for bit.
 * - In f32 they are close to f64. In f16 and bf16 a primitive rounds once, and in i32, if it takes it, it
 *   drops the fraction; a composite stays finite.
 *
 * @returns laws to register with `describeLaws`, or to check one by one.
 * @example
 * import { tanhOp } from '@lorikeet/tensor-core';
 * describeLaws('tanh', opLaws(tanhOp), { describe, test });
 */
export function opLaws(op: AnyOp, options: OpLawOptions = {}): readonly Law[] {
  const { backends = [], tolerance = 1e-5, stopsGradient = false } = options;
  const ofKind =
    op.kind === 'primitive'
      ? [fillsItsShape(op), roundsOnce(op), keepsWholeNumbers(op)]
      : [staysFiniteInHalf(op), ...(op.derivative === undefined ? [] : [ownDerivative(op)])];
  const ofDerivative =
    op.derivative === 'none'
      ? [isConstant(op, stopsGradient)]
      : [firstDerivative(op), secondDerivative(op), pushesForward(op)];
  const reference = createReferenceBackend();
  return [
    ...ofKind,
    keepsDType(op),
    givesNoNaN(op),
    namesMisfits(op),
    ...ofDerivative,
    mapsOverBatch(op),
    compilesToItself(op),
    ignoresLayout(op),
    foldsLiterals(op),
    survivesSinglePrecision(op, tolerance),
    ...backends.map((backend) => equalsReference(op, backend, reference, tolerance)),
  ];
}
