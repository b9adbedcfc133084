import type { Attributes, NoAttributes, Primitive } from '../../../op.ts';
import { operand } from '../../../operand.ts';
import type { TensorType } from '../../../type.ts';

/** An op of this backend alone, which others are written in before they are scheduled. No user meets it. */
function internalOp<A extends Attributes>(
  name: string,
  infer: (inputs: readonly TensorType[], attributes: A) => TensorType,
): Primitive<A> {
  return {
    kind: 'primitive',
    name,
    infer,
    evaluate: nowhere,
    derivative: 'none',
    batch: 'loop',
    sample: nowhere,
  };
}

function nowhere(): never {
  throw new Error('internal: an op of the WebGPU backend runs nowhere else');
}

export type FirstOfIndexAttributes = { readonly side: number; readonly last: boolean };

/** For each index of a side, the first place among the indices (u32[n]) that has it, or the last; n if none does. */
export const firstOfIndexOp: Primitive<FirstOfIndexAttributes> = internalOp(
  'firstOfIndex',
  (_, { side }) => ({ dtype: 'u32', shape: [side] }),
);

/** For each place among the indices (u32[n]) the next one with the same index; n if there is none. */
export const nextOfIndexOp: Primitive<NoAttributes> = internalOp('nextOfIndex', (inputs) =>
  operand(inputs, 0),
);

export type ScatterWalkAttributes = { readonly axis: number; readonly mode: 'set' | 'add' };

/** The target with updates, given for each slice the first of them and for each update the next for the same slice. */
export const scatterWalkOp: Primitive<ScatterWalkAttributes> = internalOp(
  'scatterWalk',
  (inputs) => operand(inputs, 0),
);

export type RankAttributes = { readonly axis: number; readonly descending: boolean };

/** The place that each element has in the order along an axis, u32. */
export const rankOp: Primitive<RankAttributes> = internalOp('rank', (inputs) => ({
  ...operand(inputs, 0),
  dtype: 'u32',
}));

/** For each place along an axis, where the element of that rank is, i32. */
export const placeOfRankOp: Primitive<{ readonly axis: number }> = internalOp(
  'placeOfRank',
  (inputs) => ({ ...operand(inputs, 0), dtype: 'i32' }),
);
