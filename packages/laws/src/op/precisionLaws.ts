import { type AnyOp, type DType, isFloat, type Tensor } from '@lorikeet/tensor-core';
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

/** The result for operands of type `half`, and that in f32 for the same, already rounded, numbers. */
async function inHalf(opCase: OpCase, half: DType): Promise<{ result: Tensor; widened: Tensor }> {
  const inputs = tensorsOf(opCase, half);
  const rounded = await readAll(inputs);
  const wide = opCase.operands.map((operand, i) =>
    tensorOf(rounded[i] ?? [], operand.shape, isFree(operand) ? 'f32' : (operand.dtype ?? 'f32')),
  );
  return { result: callOp(opCase, inputs), widened: callOp(opCase, wide) };
}
