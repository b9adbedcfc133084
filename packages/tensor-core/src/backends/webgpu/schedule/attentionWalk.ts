import type { AttentionGoal, AttentionOperand } from './attentionStep.ts';

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
  /** Of query and key, which are the scores. */
  readonly score: WalkProduct;
  /** Of the derivative by the result and the value, which is that by the weights. */
  readonly slope: WalkProduct | undefined;
  readonly summed: AttentionOperand | undefined;
}

const byQuery: WalkProduct = { held: 'query', met: 'key' };
const byKey: WalkProduct = { held: 'key', met: 'query' };

export const walks: Readonly<Record<AttentionGoal, AttentionWalk>> = {
  result: { owner: 'query', score: byQuery, slope: undefined, summed: 'value' },
  rows: { owner: 'query', score: byQuery, slope: undefined, summed: undefined },
  query: {
    owner: 'query',
    score: byQuery,
    slope: { held: 'gradient', met: 'value' },
    summed: 'key',
  },
  key: { owner: 'key', score: byKey, slope: { held: 'value', met: 'gradient' }, summed: 'query' },
  value: { owner: 'key', score: byKey, slope: undefined, summed: 'gradient' },
};
