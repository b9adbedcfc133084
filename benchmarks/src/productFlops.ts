import { type Program, sizeOf, valueTypes } from '@lorikeet/tensor-core';

/** Floating point operations of all products of a program, two for each multiplication with its addition. */
export function productFlops(program: Program): number {
  const types = valueTypes(program);
  return program.instructions.reduce((total, { op, inputs, attributes, type }) => {
    if (op.name !== 'dot') return total;
    const [contracted] = attributes.contract as readonly (readonly number[])[];
    const left = types[inputs[0] ?? -1]?.shape ?? [];
    const depth = (contracted ?? []).reduce((product, axis) => product * (left[axis] ?? 1), 1);
    return total + 2 * depth * sizeOf(type.shape);
  }, 0);
}
