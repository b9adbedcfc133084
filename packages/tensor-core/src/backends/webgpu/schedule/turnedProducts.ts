import { type DotAttributes, dotOp } from '../../../ops/contraction/dot.ts';
import { type PermuteAttributes, permuteOp } from '../../../ops/movement/permute.ts';
import { type Instruction, type Program, valueTypes } from '../../../program.ts';
import type { TensorType } from '../../../type.ts';
import { dotSides } from './kernelPlan.ts';
import { rewritten } from './rewritten.ts';

/**
 * Contractions of which only the transposed result is used get their operands exchanged: what is made of the result
 * then lies as the kernel computes it. Each element is the same sum in the same order.
 */
export function withTurnedProducts(program: Program): Program {
  const types = valueTypes(program);
  const first = program.inputs.length + program.constants.length;
  const uses = types.map(() => 0);
  const use = (value: number): void => {
    uses[value] = (uses[value] ?? 0) + 1;
  };
  program.outputs.forEach(use);
  for (const { inputs } of program.instructions) inputs.forEach(use);
  /** Types of the transposed results, by the number of the product, and the numbers of the transpositions. */
  const turned = new Map<number, TensorType>();
  const views = new Set<number>();
  program.instructions.forEach(({ op, inputs, attributes, type }, i) => {
    const [product = -1] = inputs;
    const made = program.instructions[product - first];
    if (op !== permuteOp || made?.op !== dotOp || uses[product] !== 1) return;
    const order = transposition(made, types);
    if (!order.every((axis, at) => axis === (attributes as PermuteAttributes).axes[at])) return;
    turned.set(product, type);
    views.add(first + i);
  });
  if (turned.size === 0) return program;
  return rewritten(program, (instruction, add, _, index) => {
    const original = first + index;
    const [a = -1, b = -1] = instruction.inputs;
    if (views.has(original)) return a;
    const type = turned.get(original);
    if (type === undefined) return undefined;
    const { contract, batch } = instruction.attributes as DotAttributes;
    const attributes: DotAttributes = {
      contract: [contract[1], contract[0]],
      batch: [batch[1], batch[0]],
    };
    return add({ ...instruction, inputs: [b, a], attributes, type });
  });
}

/** The order of axes that brings those of the second operand of a product before those of the first. */
function transposition(product: Instruction, types: readonly TensorType[]): number[] {
  const [a = -1, b = -1] = product.inputs;
  const attributes = product.attributes as DotAttributes;
  const sides = dotSides(types[a] as TensorType, types[b] as TensorType, attributes);
  const [batch, rows] = [sides.batchShape.length, sides.rowShape.length];
  return [
    ...sides.batchShape.keys(),
    ...sides.columnShape.map((_, i) => batch + rows + i),
    ...sides.rowShape.map((_, i) => batch + i),
  ];
}
