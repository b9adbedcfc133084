import type { Instruction } from '../../../program.ts';
import type { KernelWriter } from './kernelWriter.ts';
import { constantPlace, type Place, variablePlace } from './place.ts';
import { scalarOf } from './scalars.ts';

/** An index out of a tensor of indices as a place on an axis of length `side`; one that lies outside is noted. */
export function checkedIndexAt(
  writer: KernelWriter,
  instruction: Instruction,
  indices: number,
  at: readonly Place[],
  side: number,
): Place {
  const element = writer.element(indices, at);
  const scalar = scalarOf(writer.type(indices).dtype);
  const value = writer.values.numberOf(instruction);
  const name = writer.checkedIndex(scalar === 'i32' ? element : `i32(${element})`, side, value);
  return side === 1 ? constantPlace(0) : variablePlace(name, side - 1);
}
