import { initModel, logitsOf, lossOf, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { add, randomKey, reshape, sliceAxis, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const sizes = {
  vocab_size: 20,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 16,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
};

/** The same in DistilBERT's words. */
const distilled = {
  dim: 8,
  n_layers: 1,
  n_heads: 2,
  hidden_dim: 16,
  dropout: 0,
  attention_dropout: 0,
  seq_classif_dropout: 0,
};

function model(prefix: 'Bert' | 'Roberta' | 'DistilBert', head: string, more: object = {}): Model {
  const config = {
    ...sizes,
    ...distilled,
    ...more,
    model_type: prefix.toLowerCase(),
    architectures: [`${prefix}For${head}`],
  };
  return initModel(config, randomKey(1));
}

const ids = (...shape: number[]): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 3 + ((i * 7) % 15)),
    shape,
    'i32',
  );
const call = (of: Model, inputs: ModelInputs) => of.call(inputs, Context.evaluation);
const numbers = async (x: Tensor): Promise<number[]> => [...(await x.data())].map(Number);

describe.each(['Bert', 'Roberta', 'DistilBert'] as const)('%s', (prefix) => {
  test('any number of labels: the mean cross-entropy of each by itself', async () => {
    const multi = model(prefix, 'SequenceClassification', {
      num_labels: 3,
      problem_type: 'multi_label_classification',
    });
    const labels = tensor([1, 0, 1, 0, 0, 1], [2, 3]);
    const outputs = call(multi, { input_ids: ids(2, 5), labels });
    const [logits, wanted] = [await numbers(logitsOf(outputs)), await numbers(labels)];
    const losses = logits.map((x, i) => Math.log1p(Math.exp(wanted[i] === 1 ? -x : x)));
    const mean = losses.reduce((a, b) => a + b, 0) / 6;
    expect(await lossOf(outputs).item()).toBeCloseTo(mean, 5);
    // Labels that are floats are many, if the config does not say.
    const unsaid = model(prefix, 'SequenceClassification', { num_labels: 3 });
    const same = call(unsaid, { input_ids: ids(2, 5), labels });
    expect(await lossOf(same).item()).toBeCloseTo(mean, 5);
  });

  test('one of several answers: each read by itself, all told apart', async () => {
    const choices = model(prefix, 'MultipleChoice');
    const input_ids = ids(2, 3, 5);
    const labels = tensor([2, 0], [2], 'i32');
    const outputs = call(choices, { input_ids, labels });
    expect(logitsOf(outputs).shape).toEqual([2, 3]);
    const scores = await numbers(logitsOf(outputs));
    for (let j = 0; j < 3; j++) {
      const alone = reshape(sliceAxis(input_ids, 1, j, 1), [2, 1, 5]);
      const [first, second] = await numbers(logitsOf(call(choices, { input_ids: alone })));
      expect(first).toBeCloseTo(scores[j] ?? Number.NaN, 5);
      expect(second).toBeCloseTo(scores[3 + j] ?? Number.NaN, 5);
    }
    const rows = [scores.slice(0, 3), scores.slice(3)];
    const loss = rows.map((row, i) => {
      const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      return total - (row[i === 0 ? 2 : 0] ?? 0);
    });
    expect(await lossOf(outputs).item()).toBeCloseTo(((loss[0] ?? 0) + (loss[1] ?? 0)) / 2, 5);
    expect(() => call(choices, { input_ids: ids(2, 5) })).toThrow(/\[batch, choices, time\]/);
  });
});

test('RoBERTa counts tokens only: padding before them changes nothing', async () => {
  const roberta = model('Roberta', 'TokenClassification', { pad_token_id: 1 });
  const text = ids(1, 4);
  const pads = tensor([1, 1], [1, 2], 'i32');
  const padded = call(roberta, {
    input_ids: tensor([...(await numbers(pads)), ...(await numbers(text))], [1, 6], 'i32'),
    attention_mask: tensor([0, 0, 1, 1, 1, 1], [1, 6], 'i32'),
  });
  const plain = await numbers(logitsOf(call(roberta, { input_ids: text })));
  const behind = await numbers(sliceAxis(logitsOf(padded), 1, 2, 4));
  for (const [i, value] of plain.entries()) expect(behind[i]).toBeCloseTo(value, 5);
  // Row 0 and 1 of 16 positions are of no token.
  expect(() => call(roberta, { input_ids: add(ids(1, 15), 0) })).toThrow(/longer than the model/);
});
