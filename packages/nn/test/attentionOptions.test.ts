import { alibiBias, Context, type MultiHeadOptions, multiHeadAttention } from '@lorikeet/nn';
import { concat, normal, randomKey, sliceAxis, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from './support.ts';

const [query, key, value] = [1, 2, 3].map((seed) => normal(randomKey(seed), [2, 4, 8])) as [
  Tensor,
  Tensor,
  Tensor,
];
const narrow = (x: Tensor): Tensor => sliceAxis(x, 2, 0, 4);
/** Each head of two numbers twice. */
const doubled = (x: Tensor): Tensor =>
  concat(
    [0, 0, 1, 1].map((head) => sliceAxis(x, 2, 2 * head, 2)),
    2,
  );
const run = (
  inputs: Parameters<typeof multiHeadAttention>[0],
  options: Partial<MultiHeadOptions> = {},
): Tensor => multiHeadAttention(inputs, { heads: 4, dropout: 0, ...options }, Context.evaluation);

describe('multiHeadAttention', () => {
  test('shares heads of keys and values among heads of queries in a row', async () => {
    const [few, wide] = [
      { query, key: narrow(key), value: narrow(value) },
      { query, key: doubled(narrow(key)), value: doubled(narrow(value)) },
    ];
    const y = run(few, { keyValueHeads: 2 });
    expect(y.shape).toEqual([2, 4, 8]);
    expectClose(await numbers(y), await numbers(run(wide)));
    expect(() => run(few, { keyValueHeads: 3 })).toThrow(refusal('shape-mismatch', '3 heads'));
  });

  test('takes values of another width', () => {
    expect(run({ query, key, value: narrow(value) }).shape).toEqual([2, 4, 4]);
  });

  test('adds a bias to the products', async () => {
    const inputs = { query, key, value };
    const never = tensor([0, -Infinity, -Infinity, -Infinity], [1, 1, 1, 4]);
    const first = await numbers(run({ ...inputs, bias: never }));
    const expected = await numbers(value);
    expectClose(first.slice(24, 32), expected.slice(0, 8));
    const slopes = { ...inputs, bias: alibiBias(4, 4, 4) };
    expect(await numbers(run(slopes))).not.toEqual(await numbers(run(inputs)));
  });

  test('looks no further back than its window', async () => {
    const y = await numbers(run({ query, key, value }, { causal: true, window: 1 }));
    expectClose(y, await numbers(value));
    const far = await numbers(run({ query, key, value }, { causal: true, window: 4 }));
    expectClose(far, await numbers(run({ query, key, value }, { causal: true })));
  });
});
