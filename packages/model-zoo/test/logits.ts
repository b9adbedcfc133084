import { logitsOf, type Model, type TokenInputs } from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { type Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

export const ids = (rows: number[] | number[][]): Tensor => tensor(rows, undefined, 'i32');

/** The logits of some rows of tokens, one after the other. */
export async function logits(
  model: Model,
  rows: number[][],
  options: Omit<TokenInputs, 'input_ids'> = {},
): Promise<number[]> {
  const inputs = { input_ids: ids(rows), ...options };
  return [...(await logitsOf(model.call(inputs, Context.evaluation)).data())];
}

export function requireClose(got: readonly number[], expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 4);
}

/** Tests that rows of a batch, and padding, do not reach into what a row gives. `width` logits for a token. */
export function testRowsAreApart(model: Model, width: number): void {
  test('gives for a batch what it gives for its rows', async () => {
    const [a, b] = [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ];
    requireClose(await logits(model, [a, b]), [
      ...(await logits(model, [a])),
      ...(await logits(model, [b])),
    ]);
  });

  test('does not see padding on the right', async () => {
    const plain = await logits(model, [[1, 2, 3]]);
    const attention_mask = ids([[1, 1, 1, 0, 0]]);
    const padded = await logits(model, [[1, 2, 3, 9, 9]], { attention_mask });
    requireClose(padded.slice(0, 3 * width), plain);
  });

  test('does not see padding on the left, given positions', async () => {
    const plain = await logits(model, [[1, 2, 3]]);
    const attention_mask = ids([[0, 0, 1, 1, 1]]);
    const position_ids = ids([[1, 1, 0, 1, 2]]);
    const padded = await logits(model, [[9, 9, 1, 2, 3]], { attention_mask, position_ids });
    requireClose(padded.slice(2 * width), plain);
  });
}
