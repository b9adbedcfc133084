import { type SliceAttributes, sliceOp } from '../../../ops/movement/slice.ts';
import { type ArgsortAttributes, argsortOp } from '../../../ops/sort/argsort.ts';
import type { Program } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';
import { rewritten } from './rewritten.ts';
import { mergeRunsOp, sortBlocksOp } from './sortSteps.ts';

/** How many elements a workgroup sorts in its own memory. */
export const longestBlock = 512;

/**
 * A sort as one step for blocks that a workgroup has room for, and steps that merge their runs two by two (merge path,
 * Odeh et al. 2012). Where only the first few of a line are wanted, as for the largest of all logits, runs are no
 * longer than that: after the blocks there is little left to do.
 */
export function withStagedSorts(program: Program): Program {
  const kept = keptLengths(program);
  return rewritten(program, (instruction, add, types, index) => {
    const { op, inputs, type } = instruction;
    const [x = -1] = inputs;
    if (op !== argsortOp || sizeOf(type.shape) === 0) return undefined;
    const { axis, descending } = instruction.attributes as ArgsortAttributes;
    const side = types[x]?.shape[axis] ?? 0;
    const wanted = kept.get(index) ?? side;
    let span = Math.min(longestBlock, 2 ** Math.ceil(Math.log2(side)));
    let width = Math.min(wanted, span);
    const step = (runs: number, length: number) =>
      ({ ...type, shape: type.shape.with(axis, runs === 1 ? wanted : runs * length) }) as const;
    let runs = Math.ceil(side / span);
    const attributes = { axis, descending, span, width };
    let order = add({
      ...instruction,
      op: sortBlocksOp,
      inputs: [x],
      attributes,
      type: step(runs, width),
    });
    while (runs > 1) {
      const merged = Math.min(wanted, 2 * span);
      runs = Math.ceil(runs / 2);
      order = add({
        ...instruction,
        op: mergeRunsOp,
        inputs: [x, order],
        attributes: { axis, descending, span, width, merged },
        type: step(runs, merged),
      });
      [span, width] = [2 * span, merged];
    }
    return order;
  });
}

/** Of sorts of which only the beginning of each line is used, how much. */
function keptLengths(program: Program): ReadonlyMap<number, number> {
  const first = program.inputs.length + program.constants.length;
  const kept = new Map<number, number>();
  const whole = new Set(program.outputs);
  program.instructions.forEach(({ op, inputs, attributes, type }) => {
    for (const input of inputs) {
      const made = program.instructions[input - first];
      if (made?.op !== argsortOp) continue;
      const { axis } = made.attributes as ArgsortAttributes;
      const { starts, steps } = attributes as Partial<SliceAttributes>;
      const length = type.shape[axis] ?? 0;
      if (op === sliceOp && starts?.[axis] === 0 && steps?.[axis] === 1)
        kept.set(input - first, Math.max(1, length, kept.get(input - first) ?? 0));
      else whole.add(input);
    }
  });
  for (const value of whole) kept.delete(value - first);
  return kept;
}
