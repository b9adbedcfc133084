import { initModel, lossOf, type ModelInputs } from '@lorikeet/model-zoo';
import { at, Context, replaceAt } from '@lorikeet/nn';
import { evaluate, grad, randomKey, Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const config = {
  model_type: 'bert',
  vocab_size: 6,
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 3,
  max_position_embeddings: 4,
  initializer_range: 0.5,
};
const ids = (rows: number[] | number[][]): Tensor => tensor(rows, undefined, 'i32');
const words = 'bert.embeddings.word_embeddings.weight';
const make = (architecture: string, options: object = {}) =>
  evaluate(initModel({ ...config, ...options, architectures: [architecture] }, randomKey(1)));

/** The gradient of the loss by the word embeddings, row by row; whether it is not zero. */
async function trainedRows(
  architecture: string,
  inputs: ModelInputs,
  options: object = {},
): Promise<boolean[]> {
  const model = await make(architecture, options);
  const table = at(model, words);
  if (!(table instanceof Tensor)) throw new Error('no table');
  const gradient = await grad((live: Tensor) =>
    lossOf(replaceAt(model, words, live).call(inputs, Context.evaluation)),
  )(table).data();
  return Array.from({ length: 6 }, (_, row) =>
    gradient.subarray(4 * row, 4 * row + 4).some((value) => value !== 0),
  );
}

const one = { input_ids: ids([[1, 0, 2]]), labels: ids([1]) };

test('the row of padding is looked up, but not trained', async () => {
  expect(await trainedRows('BertForSequenceClassification', one)).toEqual([
    false,
    true,
    true,
    false,
    false,
    false,
  ]);
  const rows = await trainedRows('BertForSequenceClassification', one, { pad_token_id: 2 });
  expect(rows.slice(0, 3)).toEqual([true, true, false]);
});

test('a tied output layer trains every row, that of padding too', async () => {
  const masked = { input_ids: ids([[1, 0, 2]]), labels: ids([[3, -100, -100]]) };
  expect(await trainedRows('BertForMaskedLM', masked)).not.toContain(false);
});

test('the end of an answer that is behind the text does not count', async () => {
  const model = await make('BertForQuestionAnswering');
  const loss = (start: number, end: number): Promise<number> =>
    lossOf(
      model.call(
        { input_ids: ids([[1, 3, 2]]), start_positions: ids([start]), end_positions: ids([end]) },
        Context.evaluation,
      ),
    ).item();
  expect(await loss(3, 9)).toBeCloseTo(0);
  expect(await loss(1, 9)).toBe(await loss(1, 3));
  expect(await loss(1, 2)).toBeCloseTo((await loss(1, 9)) + (await loss(9, 2)), 5);
  expect(await loss(-4, 2)).toBe(await loss(0, 2));
});

test('GPT-2 is to tell each token from those before it', async () => {
  const model = await evaluate(
    initModel(
      {
        model_type: 'gpt2',
        architectures: ['GPT2LMHeadModel'],
        vocab_size: 6,
        n_positions: 4,
        n_embd: 4,
        n_layer: 1,
        n_head: 2,
      },
      randomKey(1),
    ),
  );
  const loss = (labels: number[]): Promise<number> =>
    lossOf(
      model.call({ input_ids: ids([[1, 3, 2]]), labels: ids([labels]) }, Context.evaluation),
    ).item();
  expect(await loss([5, 3, 2])).toBe(await loss([-100, 3, 2]));
  expect(await loss([1, 3, 2])).toBeCloseTo(
    ((await loss([0, 3, -100])) + (await loss([0, -100, 2]))) / 2,
    5,
  );
});
