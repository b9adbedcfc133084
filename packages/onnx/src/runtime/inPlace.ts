import { type Program, valueTypes } from '@lorikeet/tensor-core';
import { boundaryOf } from '../boundary.ts';
import { carrierOf } from '../carrier.ts';
import { loweringOf, refusalOf } from '../lowerings.ts';

/**
 * Results that may be written over a donated input, with the number of that input: of steps which leave most of it as it is,
 * as a cache of keys and values where a few are added. Nothing else reads it, and it enters and leaves as it is stored.
 */
export function writtenInPlace(
  program: Program,
  donated: readonly number[],
): ReadonlyMap<number, number> {
  const types = valueTypes(program);
  const given = program.inputs.length + program.constants.length;
  const free = new Set(donated);
  const found = new Map<number, number>();
  if (free.size === 0) return found;
  const uses = usesOf(program);
  program.instructions.forEach(({ op, inputs, attributes, type }, i) => {
    const [target = -1] = inputs;
    if (!free.has(target) || uses.get(target) !== 1 || !program.outputs.includes(given + i)) return;
    const { dtype } = type;
    if (dtype === 'bf16' || boundaryOf(type).elementType !== carrierOf(dtype)) return;
    const operands = inputs.flatMap((value) => types[value] ?? []);
    const call = { op, inputs: operands, attributes, type };
    if (refusalOf(call) === undefined && loweringOf(op).keeps?.(operands, type) === true)
      found.set(given + i, target);
  });
  return found;
}

function usesOf({ instructions, outputs }: Program): ReadonlyMap<number, number> {
  const uses = new Map<number, number>();
  for (const value of [...instructions.flatMap(({ inputs }) => inputs), ...outputs])
    uses.set(value, (uses.get(value) ?? 0) + 1);
  return uses;
}
