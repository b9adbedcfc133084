import {
  type AnyOp,
  addOp,
  fullOp,
  iotaOp,
  mulOp,
  type Program,
  sizeOf,
  subOp,
  valueTypes,
} from '@lorikeet/tensor-core';
import { isExact } from '../lowerings.ts';

/** About how much a program is to do: the elements that its instructions read or write. */
export function workOf(program: Program): number {
  const types = valueTypes(program);
  return program.instructions.reduce((work, { inputs, type }) => {
    const read = inputs.map((value) => sizeOf(types[value]?.shape ?? []));
    return work + Math.max(sizeOf(type.shape), ...read);
  }, 0);
}

/** Ops that round, to the same bits in the reference and in the runtime. */
const roundedAlike: ReadonlySet<AnyOp> = new Set<AnyOp>([addOp, subOp, mulOp, fullOp, iotaOp]);

/** Whether the reference gives the same bits as the runtime for all that a program does. */
export function isSameOnHost({ instructions }: Program): boolean {
  return instructions.every(({ op }) => roundedAlike.has(op) || isExact(op));
}
