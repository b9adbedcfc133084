import { initModel, lossOf, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { evaluate, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

// Each field of a config that changes what a model computes must change it here.

const bert = {
  model_type: 'bert',
  architectures: ['BertForSequenceClassification'],
  vocab_size: 13,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 10,
  initializer_range: 0.5,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
};
const gpt2 = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 13,
  n_positions: 10,
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
  initializer_range: 0.5,
  embd_pdrop: 0,
  attn_pdrop: 0,
  resid_pdrop: 0,
};
const ids = (rows: number[][]): Tensor => tensor(rows, undefined, 'i32');
const input_ids = ids([[1, 2, 3, 0]]);
const inputsOf: Record<string, ModelInputs> = {
  bert: { input_ids, labels: tensor([1], undefined, 'i32') },
  gpt2: { input_ids, labels: input_ids },
};
const key = randomKey(5);

async function loss(config: typeof bert | typeof gpt2, context: Context): Promise<number> {
  const model = await evaluate(initModel(config, key));
  const inputs = inputsOf[config.model_type] as ModelInputs;
  return await lossOf(model.call(inputs, context)).item();
}

describe('in training only, dropout acts', () => {
  test.each([
    ['hidden_dropout_prob', bert],
    ['attention_probs_dropout_prob', bert],
    ['classifier_dropout', bert],
    ['embd_pdrop', gpt2],
    ['attn_pdrop', gpt2],
    ['resid_pdrop', gpt2],
  ])('by %s', async (field, config) => {
    const dropping = { ...config, [field]: 0.5 };
    const training = Context.training(randomKey(1));
    expect(await loss(dropping, Context.evaluation)).toBe(await loss(config, Context.evaluation));
    expect(await loss(config, training)).toBe(await loss(config, Context.evaluation));
    expect(await loss(dropping, training)).not.toBe(await loss(config, training));
  });

  test('on the classifier by the rate of all layers if it has none of its own', async () => {
    const training = Context.training(randomKey(1));
    const dropping = { ...bert, hidden_dropout_prob: 0.5 };
    const onlyLayers = Object.assign({ classifier_dropout: 0 }, dropping);
    expect(await loss(dropping, training)).not.toBe(await loss(onlyLayers, training));
  });
});

test.each([
  ['hidden_act', 'relu', bert],
  ['layer_norm_eps', 0.1, bert],
  ['num_attention_heads', 4, bert],
  ['activation_function', 'relu', gpt2],
  ['layer_norm_epsilon', 0.1, gpt2],
  ['n_head', 4, gpt2],
  ['scale_attn_weights', false, gpt2],
  ['scale_attn_by_inverse_layer_idx', true, gpt2],
  ['n_inner', 5, gpt2],
])('%s = %j changes the outputs', async (field, value, config) => {
  expect(await loss({ ...config, [field]: value }, Context.evaluation)).not.toBe(
    await loss(config, Context.evaluation),
  );
});

describe('sequence classification', () => {
  const call = (model: Model, labels: Tensor) =>
    model.call({ input_ids, labels }, Context.evaluation);
  const target = tensor([0.75]);

  test('with one label is regression: the mean of squares', async () => {
    const { logits, loss: squares } = call(initModel({ ...bert, num_labels: 1 }, key), target);
    expect(logits?.shape).toEqual([1, 1]);
    const error = ((await logits?.item()) ?? 0) - 0.75;
    expect(await squares?.item()).toBeCloseTo(error * error, 5);
  });

  test('takes the kind of problem that the config names', async () => {
    const config = { ...bert, problem_type: 'regression' };
    const { logits, loss: squares } = call(initModel(config, key), tensor([[0.75, -1]]));
    const [a = 0, b = 0] = (await logits?.data()) ?? [];
    expect(await squares?.item()).toBeCloseTo(((a - 0.75) ** 2 + (b + 1) ** 2) / 2, 5);
    const single = { ...bert, num_labels: 1, problem_type: 'single_label_classification' };
    const sure = call(initModel(single, key), tensor([0], undefined, 'i32'));
    expect(await sure.loss?.item()).toBeCloseTo(0);
  });

  test('has as many labels as id2label names', () => {
    const model = initModel({ ...bert, num_labels: 5, id2label: { 0: 'a', 1: 'b', 2: 'c' } }, key);
    expect(model.call({ input_ids }, Context.evaluation).logits?.shape).toEqual([1, 3]);
  });
});
