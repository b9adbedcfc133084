import {
  type AnyOp,
  type DType,
  isFloat,
  isLorikeetError,
  type Tensor,
} from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import { type Law, law } from '../law.ts';
import { isFree, type OpCase, opCases, tensorOf, tensorsOf } from './opCase.ts';
import { callOp, partName, readAll, resultAndGradients } from './outcome.ts';

/** In f32 the op loses few of the digits that f64 shows. */
export function survivesSinglePrecision(op: AnyOp, tolerance: number): Law {
  return law('is close in f32 to what it is in f64', opCases(op), async (opCase) => {
    const single = await readAll(resultAndGradients(opCase, tensorsOf(opCase, 'f32')));
    const double = await readAll(resultAndGradients(opCase, tensorsOf(opCase, 'f64')));
    single.forEach((data, part) => {
      requireClose(partName(opCase, part), data, double[part] ?? [], tolerance);
    });
  });
}

/** A primitive in f16 or bf16 is the f32 op on the same numbers, rounded once. */
export function roundsOnce(op: AnyOp): Law {
  return law('rounds once in f16 and bf16', opCases(op), async (opCase) => {
    for (const half of ['f16', 'bf16'] as const) {
      const { result, widened } = await inHalf(opCase, half);
      const expected = isFloat(result.dtype) ? widened.cast(result.dtype) : widened;
      const [actual = [], wanted = []] = await readAll([result, expected]);
      requireSame(`the result in ${half}`, actual, wanted);
    }
  });
}

/** A composite rounds after each step; at least it must not overflow on the way. */
export function staysFiniteInHalf(op: AnyOp): Law {
  return law('stays finite in f16 and bf16', opCases(op), async (opCase) => {
    for (const half of ['f16', 'bf16'] as const) {
      const { result, widened } = await inHalf(opCase, half);
      const [actual = [], wanted = []] = await readAll([result, widened]);
      const place = actual.findIndex((x, i) => !Number.isFinite(x) && Number.isFinite(wanted[i]));
      if (place >= 0)
        throw new Error(`element ${place} is ${actual[place]} in ${half}, ${wanted[place]} in f32`);
    }
  });
}

/** If a primitive takes integers at all, it drops the fraction of what it gives for the same numbers as floats. */
export function keepsWholeNumbers(op: AnyOp): Law {
  return law('gives the same for whole numbers as integers', opCases(op), async (opCase) => {
    const operands = opCase.operands.map((operand) =>
      isFree(operand) ? { ...operand, values: operand.values.map(Math.round) } : operand,
    );
    const resultIn = (dtype: DType): Tensor =>
      callOp(opCase, tensorsOf({ ...opCase, operands }, dtype));
    const whole = ifTaken(() => resultIn('i32'));
    if (whole === undefined) return;
    const [actual = [], floats = []] = await readAll([whole, resultIn('f64')]);
    requireSame(
      'the result in i32',
      actual,
      whole.dtype === 'i32' ? Int32Array.from(floats) : floats,
    );
  });
}

function ifTaken(call: () => Tensor): Tensor | undefined {
  try {
    return call();
  } catch (error) {
    if (isLorikeetError(error, 'dtype-mismatch')) return undefined;
    throw error;
  }
}

/** The result for operands of type `half`, and that in f32 for the same, already rounded, numbers. */
async function inHalf(opCase: OpCase, half: DType): Promise<{ result: Tensor; widened: Tensor }> {
  const inputs = tensorsOf(opCase, half);
  const rounded = await readAll(inputs);
  const wide = opCase.operands.map((operand, i) =>
    tensorOf(rounded[i] ?? [], operand.shape, isFree(operand) ? 'f32' : (operand.dtype ?? 'f32')),
  );
  return { result: callOp(opCase, inputs), widened: callOp(opCase, wide) };
}
