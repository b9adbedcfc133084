import { Context, mergeHeads, multiHeadAttention, splitHeads } from '@lorikeet/nn';
import { normal, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from './support.ts';

const context = Context.evaluation;
const x = tensor([
  [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ],
]);

describe('heads', () => {
  test('are parts of the last axis, each with all times', async () => {
    const heads = splitHeads(x, 2);
    expect(heads.shape).toEqual([1, 2, 2, 2]);
    expect(await numbers(heads)).toEqual([0, 1, 4, 5, 2, 3, 6, 7]);
  });

  test('put together again are what was split', async () => {
    const back = mergeHeads(splitHeads(x, 4));
    expect(back.shape).toEqual(x.shape);
    expect(await numbers(back)).toEqual(await numbers(x));
  });

  test.each<[what: string, x: Tensor, heads: number]>([
    ['a width that is no multiple', x, 3],
    ['a tensor of rank 2', tensor([[1, 2]]), 2],
  ])('are refused of %s', (_, wrong, heads) => {
    const text = `${wrong} cannot be split into ${heads} heads`;
    expect(() => splitHeads(wrong, heads)).toThrow(refusal('shape-mismatch', text));
  });
});

/** Attention of one batch, from the definition: rows of T vectors of D numbers. */
function reference(
  [query, key, value]: readonly [number[][], number[][], number[][]],
  heads: number,
  sees: (t: number, s: number, head: number) => boolean,
  scale?: number,
): number[] {
  const size = (query[0]?.length ?? 0) / heads;
  return query.flatMap((q, t) =>
    Array.from({ length: heads }, (_, h) => {
      const of = (row: number[]): number[] => row.slice(h * size, (h + 1) * size);
      const scores = key.map((k, s) => {
        const product = of(k).reduce((sum, v, i) => sum + v * (of(q)[i] ?? 0), 0);
        return sees(t, s, h) ? Math.exp(product * (scale ?? 1 / Math.sqrt(size))) : 0;
      });
      const total = scores.reduce((sum, score) => sum + score, 0);
      return Array.from({ length: size }, (_, i) =>
        value.reduce((sum, v, s) => sum + ((scores[s] ?? 0) / total) * (of(v)[i] ?? 0), 0),
      );
    }).flat(),
  );
}

describe('multiHeadAttention', () => {
  const rows = async (seed: number): Promise<{ x: Tensor; rows: number[][] }> => {
    const x = normal(randomKey(seed), [1, 3, 4]);
    const flat = await numbers(x);
    return { x, rows: [0, 4, 8].map((start) => flat.slice(start, start + 4)) };
  };
  const operands = async () => {
    const [q, k, v] = [await rows(1), await rows(2), await rows(3)];
    return {
      operands: { query: q.x, key: k.x, value: v.x },
      rows: [q.rows, k.rows, v.rows] as const,
    };
  };
  const shown = [
    [1, 0, 1],
    [1, 1, 0],
    [0, 0, 1],
  ];
  const mask = tensor(shown.flat(), [1, 1, 3, 3], 'bool');

  test.each([1, 2, 4])('is the softmax of scaled products, in %i heads', async (heads) => {
    const given = await operands();
    const y = multiHeadAttention(given.operands, { heads, dropout: 0 }, context);
    expect(y.shape).toEqual([1, 3, 4]);
    expectClose(
      await numbers(y),
      reference(given.rows, heads, () => true),
    );
  });

  test('looks only where the mask is true', async () => {
    const given = await operands();
    const y = multiHeadAttention({ ...given.operands, mask }, { heads: 2, dropout: 0 }, context);
    const expected = reference(given.rows, 2, (t, s) => shown[t]?.[s] === 1);
    expectClose(await numbers(y), expected);
  });

  test('looks only back if causal', async () => {
    const given = await operands();
    const y = multiHeadAttention(given.operands, { heads: 2, dropout: 0, causal: true }, context);
    expectClose(
      await numbers(y),
      reference(given.rows, 2, (t, s) => s <= t),
    );
  });

  test('takes another scale', async () => {
    const given = await operands();
    const y = multiHeadAttention(given.operands, { heads: 2, dropout: 0, scale: 0.1 }, context);
    expectClose(
      await numbers(y),
      reference(given.rows, 2, () => true, 0.1),
    );
  });

  test('drops attention weights only in training, by its key', async () => {
    const given = await operands();
    const run = async (ctx: Context, dropout = 0.5): Promise<number[]> =>
      numbers(multiHeadAttention(given.operands, { heads: 2, dropout }, ctx));
    const training = (seed: number): Context => Context.training(randomKey(seed));
    expect(await run(context)).toEqual(await run(context, 0));
    expect(await run(training(1))).toEqual(await run(training(1)));
    expect(await run(training(1))).not.toEqual(await run(training(2)));
    expect(await run(training(1))).not.toEqual(await run(context));
    expectClose(await run(training(1), 0), await run(context, 0));
  });
});
