import { type Program, sizeOf, valueTypes } from '@lorikeet/tensor-core';

/** About how much a program is to do: the elements that its instructions read or write. */
export function workOf(program: Program): number {
  const types = valueTypes(program);
  return program.instructions.reduce((work, { inputs, type }) => {
    const read = inputs.map((value) => sizeOf(types[value]?.shape ?? []));
    return work + Math.max(sizeOf(type.shape), ...read);
  }, 0);
}
