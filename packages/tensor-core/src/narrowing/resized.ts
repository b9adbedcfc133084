import type { Instruction } from '../program.ts';
import type { Shape } from '../shape.ts';

/** An instruction over parts of its operands, which gives a result of another shape. An attribute `shape` is the result's. */
export function resized(instruction: Instruction, shape: Shape): Instruction {
  const { attributes, type } = instruction;
  return {
    ...instruction,
    attributes: 'shape' in attributes ? { ...attributes, shape } : attributes,
    type: { ...type, shape },
  };
}
