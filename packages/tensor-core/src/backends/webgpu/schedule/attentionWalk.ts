import type { AttentionGoal, AttentionOperand, AttentionSides } from './attentionStep.ts';

/** Of the product of a vector that a thread holds with those that it comes by. */
export interface WalkProduct {
  readonly held: AttentionOperand;
  readonly met: AttentionOperand;
}

/**
 * How a kernel of attention goes over the pairs of queries and keys: a thread has one side, the owner, and comes by
 * all of the other; it holds vectors of its own, takes their products with those that it meets, and sums what it meets
 * by weights. Nothing is ever added to by two threads.
 */
export interface AttentionWalk {
  readonly owner: 'query' | 'key';
  /** First of query and key, which are the scores; then of the derivative by the result and the value, for that by the weights. */
  readonly products: readonly [WalkProduct, ...WalkProduct[]];
  readonly summed: AttentionOperand | undefined;
}

const byQuery: WalkProduct = { held: 'query', met: 'key' };
const byKey: WalkProduct = { held: 'key', met: 'query' };

export const walks: Readonly<Record<AttentionGoal, AttentionWalk>> = {
  result: { owner: 'query', products: [byQuery], summed: 'value' },
  rows: { owner: 'query', products: [byQuery], summed: undefined },
  query: {
    owner: 'query',
    products: [byQuery, { held: 'gradient', met: 'value' }],
    summed: 'key',
  },
  key: { owner: 'key', products: [byKey, { held: 'value', met: 'gradient' }], summed: 'query' },
  value: { owner: 'key', products: [byKey], summed: 'gradient' },
};

/** The length of the vectors of an operand. */
export function lengthOf(name: AttentionOperand, { size, width }: AttentionSides): number {
  return name === 'value' || name === 'gradient' ? width : size;
}
