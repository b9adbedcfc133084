import type { Law } from '@lorikeet/laws';
import type { Composite, Primitive } from '@lorikeet/tensor-core';

/** A mistake, the laws of an op that makes it, and the name of the law that must find it. */
export type OpMutant = readonly [mistake: string, laws: readonly Law[], killer: string];

/** A program knows an op by its name, so that each mutant needs one of its own. */
let mutants = 0;

export function mutantOf<O extends Primitive | Composite>(op: O, change: Partial<O>): O {
  return { ...op, name: `${op.name}Mutant${mutants++}`, ...change };
}
