import type { AttentionGoal, AttentionOperand, AttentionSides } from './attentionStep.ts';

/** Of the product of a vector that a thread holds with those that it comes by. */
export interface WalkProduct {
  readonly held: AttentionOperand;
  readonly met: AttentionOperand;
}

/** Of vectors that it comes by, times the weight of the pair or the derivative by its score. */
export interface WalkSum {
  readonly met: AttentionOperand;
  readonly by: 'weight' | 'slope';
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
  readonly sum: WalkSum | undefined;
}

const byQuery: WalkProduct = { held: 'query', met: 'key' };
const byKey: WalkProduct = { held: 'key', met: 'query' };

export const walks: Readonly<Record<AttentionGoal, AttentionWalk>> = {
  result: { owner: 'query', products: [byQuery], sum: { met: 'value', by: 'weight' } },
  rows: { owner: 'query', products: [byQuery], sum: undefined },
  query: {
    owner: 'query',
    products: [byQuery, { held: 'gradient', met: 'value' }],
    sum: { met: 'key', by: 'slope' },
  },
  key: {
    owner: 'key',
    products: [byKey, { held: 'value', met: 'gradient' }],
    sum: { met: 'query', by: 'slope' },
  },
  value: { owner: 'key', products: [byKey], sum: { met: 'gradient', by: 'weight' } },
};

/** The length of the vectors of an operand. */
export function lengthOf(name: AttentionOperand, { size, width }: AttentionSides): number {
  return name === 'value' || name === 'gradient' ? width : size;
}
