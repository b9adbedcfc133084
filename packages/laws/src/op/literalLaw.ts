import { type AnyOp, type Draw, full } from '@lorikeet/tensor-core';
import { requireSame } from '../closeness.ts';
import { type Law, law } from '../law.ts';
import { type OperandCase, opCasesWith, tensorsOf } from './opCase.ts';
import { partName, readAll, resultAndGradients } from './outcome.ts';

/** What a program knows of a literal and simplifies with it changes no number. */
export function foldsLiterals(op: AnyOp): Law {
  const cases = opCasesWith(op, (draw, operands) =>
    operands.map((operand) =>
      // What is arranged has to be as it is.
      operand.arrange === undefined && draw.boolean() ? drawLiteral(draw, operand) : null,
    ),
  );
  return law('is the same for literals as for data', cases, async ({ choice, ...opCase }) => {
    const operands = opCase.operands.map((operand, i) => {
      const literal = choice[i] ?? null;
      return literal === null ? operand : { ...operand, values: operand.values.map(() => literal) };
    });
    const data = tensorsOf({ ...opCase, operands }, 'f32');
    const literals = data.map((tensor, i) => {
      const literal = choice[i] ?? null;
      return literal === null ? tensor : full(tensor.shape, literal, tensor.dtype);
    });
    const folded = await readAll(resultAndGradients(opCase, literals));
    const computed = await readAll(resultAndGradients(opCase, data));
    folded.forEach((part, i) => {
      requireSame(partName(opCase, i), part, computed[i] ?? []);
    });
  });
}

/** One of the numbers that rules of simplification look for, if the op takes it. */
function drawLiteral(draw: Draw, { dtype, range, values }: OperandCase): number {
  const candidates = dtype === undefined ? [0, 1, -1, 2, 0.5] : [0, 1, 2];
  const [min, max] = range ?? [dtype === undefined ? -2 : 0, dtype === 'bool' ? 1 : 2];
  const fitting = candidates.filter((value) => value >= min && value <= max);
  return draw.pick([...fitting, values[0] ?? fitting[0] ?? min]);
}
