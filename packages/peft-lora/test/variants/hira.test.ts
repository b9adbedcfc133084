import { Context, Convolution, Embedding, materialize } from '@lorikeet/nn';
import { adapt, hira, merge } from '@lorikeet/peft-lora';
import { normal, randomKey, tensor, zeros } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { filesOf } from '../peft/files.ts';
import { expectClose, ids, numbers, refusal, trainedForm } from '../support.ts';

const table = { part: new Embedding(normal(randomKey(1), [7, 6])) };
const convolution = (groups: number): { part: Convolution } => ({
  part: new Convolution(normal(randomKey(2), [4, 2 / groups, 3]), null, { groups }),
});

test("the tensors have PEFT's keys and shapes, of a table and of a kernel", async () => {
  const shapesOf = async (tuned: unknown): Promise<unknown[]> =>
    [...(await filesOf(tuned)).entries].map(([key, { shape }]) => [key, shape]);
  expect(await shapesOf(adapt(table, { part: hira({ rank: 2 }) }))).toEqual([
    ['base_model.model.part.hira_embedding_A', [2, 7]],
    ['base_model.model.part.hira_embedding_B', [6, 2]],
  ]);
  expect(await shapesOf(adapt(convolution(1), { part: hira({ rank: 5 }) }))).toEqual([
    ['base_model.model.part.hira_A', [5, 2, 3]],
    ['base_model.model.part.hira_B', [4, 5, 1]],
  ]);
});

test('a row that is looked up is scaled, element by element', async () => {
  const tuned = await trainedForm(adapt(table, { part: hira({ rank: 2 }) }));
  const rows = tuned.part.call(ids, Context.evaluation);
  await expectClose(rows, merge(tuned).part.call(ids, Context.evaluation), 1e-6);
  const zero = { part: new Embedding(zeros([7, 6])) };
  const nothing = await trainedForm(adapt(zero, { part: hira({ rank: 2 }) }));
  expect(new Set(await numbers(nothing.part.call(ids, Context.evaluation)))).toEqual(new Set([0]));
});

test('a kernel is scaled, element by element', async () => {
  const model = convolution(1);
  const tuned = await trainedForm(adapt(model, { part: hira({ rank: 1 }) }));
  const weight = materialize(tuned.part.weight);
  const factor = weight.div(materialize(model.part.weight)).sub(1).reshape([4, 6]);
  // Of rank 1: each row of the factor is the first one times a number.
  const [first = [], second = []] = [0, 1].map((row) => [row * 6, row * 6 + 6] as const);
  const all = await numbers(factor);
  const ratios = all.slice(...second).map((value, i) => value / (all.slice(...first)[i] ?? 1));
  await expectClose(tensor(ratios, [6]), tensor(Array<number>(6).fill(ratios[0] ?? 0), [6]), 1e-4);
});

test('what PEFT refuses is refused, with the reason', () => {
  expect(() => hira({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => hira({ initWeights: 'pissa' as 'gaussian' })).toThrow(
    refusal('invalid-config', 'initWeights'),
  );
  expect(() => adapt(convolution(2), { part: hira() })).toThrow(
    refusal('unsupported', 'a convolution with 2 groups'),
  );
});
