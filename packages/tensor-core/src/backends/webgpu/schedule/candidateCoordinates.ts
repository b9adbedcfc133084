import { permuteOp } from '../../../ops/movement/permute.ts';
import type { Instruction } from '../../../program.ts';
import { sameShape, sizeOf } from '../../../shape.ts';
import { reshapeCoordinates } from '../codegen/inlineRules.ts';
import type { Place } from '../codegen/place.ts';
import { reducedAxes } from './anchors.ts';
import { columnPlace, type KernelPlan, lineCoordinates, rowPlace } from './kernelPlan.ts';
import type { ProgramValues } from './programValues.ts';

/** Where in its steps the kernel may have the elements of a result. */
export function candidateCoordinates(
  kernel: KernelPlan,
  instruction: Instruction,
  values: ProgramValues,
): (readonly Place[])[] {
  const { type, op, attributes } = instruction;
  const found: (readonly Place[])[] = [];
  const size = sizeOf(type.shape);
  for (const [member, coordinates] of kernel.members) {
    const { shape } = values.type(member);
    if (sizeOf(shape) !== size) continue;
    if (sameShape(shape, type.shape)) found.push(coordinates);
    else found.push(reshapeCoordinates(coordinates, shape, type.shape));
    if (op === permuteOp && instruction.inputs[0] === member)
      found.push((attributes.axes as readonly number[]).map((axis) => coordinates[axis] as Place));
    if (found.length > 6) break;
  }
  if (kernel.kind === 'reduce' && kernel.columns > 1 && size === kernel.rows * kernel.columns) {
    for (const reduction of kernel.reductions) {
      const made = values.instruction(reduction);
      const { shape } = values.type(made?.inputs[0] ?? -1);
      const axes = made === undefined ? [] : reducedAxes(made);
      const [row, column] = [rowPlace(kernel.rows), columnPlace(kernel.columns)];
      const lines = lineCoordinates(shape, axes, row, column);
      found.push(reshapeCoordinates(lines, shape, type.shape));
    }
  }
  return unique(found);
}

function unique(candidates: readonly (readonly Place[])[]): (readonly Place[])[] {
  const seen = new Map(candidates.map((places) => [places.map(({ key }) => key).join(), places]));
  return [...seen.values()];
}
