import type { AxisMap } from '../op.ts';
import type { Instruction } from '../program.ts';
import type { Shape } from '../shape.ts';
import type { TensorType } from '../type.ts';

/** How the axes of an instruction's operands run along those of its result; `undefined` where all is needed for each element. */
export function axisMapOf(
  { op, attributes, type }: Instruction,
  inputs: readonly TensorType[],
): AxisMap | undefined {
  if (op.elementwise) return inputs.map(({ shape }) => broadcastAxes(shape, type.shape));
  return op.along?.(inputs, attributes, type);
}

/** Axes counted from the last; one of length 1 that is repeated runs along none. */
export function broadcastAxes(shape: Shape, target: Shape): (number | null)[] {
  const offset = target.length - shape.length;
  return shape.map((side, axis) => (side === target[axis + offset] ? axis + offset : null));
}

/** Every axis runs along itself, but for some. */
export function axesBut(shape: Shape, mixed: readonly number[]): (number | null)[] {
  return shape.map((_, axis) => (mixed.includes(axis) ? null : axis));
}
