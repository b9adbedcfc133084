import {
  byteLengthOf,
  lastUses,
  type Program,
  sizeOf,
  type TensorType,
} from '@lorikeet/tensor-core';

/** The most bytes that the results of a program's steps take at a time, each from its step to its last use. */
export function peakBytes(program: Program): number {
  const first = program.inputs.length + program.constants.length;
  const bytesOf = ({ dtype, shape }: TensorType): number => byteLengthOf(dtype, sizeOf(shape));
  const dying = lastUses(program);
  let [live, peak] = [0, 0];
  for (const [i, { type }] of program.instructions.entries()) {
    live += bytesOf(type);
    peak = Math.max(peak, live);
    for (const value of dying[i] ?? []) {
      const found = program.instructions[value - first];
      if (found !== undefined) live -= bytesOf(found.type);
    }
  }
  return peak;
}
