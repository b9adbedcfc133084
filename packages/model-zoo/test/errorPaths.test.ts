import { initModel, logitsOf, type Model } from '@lorikeet/model-zoo';
import { Context, paths, replaceAt } from '@lorikeet/nn';
import {
  compile,
  isLorikeetError,
  type LorikeetError,
  randomKey,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const key = randomKey(1);
const models = [
  initModel(
    {
      model_type: 'bert',
      architectures: ['BertForSequenceClassification'],
      vocab_size: 13,
      hidden_size: 8,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 12,
      max_position_embeddings: 10,
    },
    key,
  ),
  initModel(
    {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      vocab_size: 13,
      n_positions: 10,
      n_embd: 8,
      n_layer: 2,
      n_head: 2,
    },
    key,
  ),
];
const ids = tensor([[1, 2, 3]], undefined, 'i32');

function errorOf(fn: () => unknown): LorikeetError | undefined {
  try {
    fn();
  } catch (error) {
    if (isLorikeetError(error)) return error;
    throw error;
  }
  return undefined;
}

test.each(models)('a weight of a wrong shape is found by the path of its module (%#)', (model) => {
  for (const [path, { rank }] of paths(model)) {
    const wrong: Model = replaceAt(model, path, zeros(rank === 1 ? [5] : [5, 5]));
    const error = errorOf(() => wrong.call({ input_ids: ids }, Context.evaluation));
    // Rows of an embedding are only found too wide where they meet something else; a head may be tied to them.
    if (/embeddings?\.weight|wte|wpe/.test(path) && !path.includes('LayerNorm')) continue;
    expect(error?.path).toBe(path.replace(/\.(weight|bias)$/, ''));
    expect(error?.location).toMatch(/errorPaths\.test\.ts:\d+:\d+$/);
    expect(error?.message).toContain('[5');
  }
});

test('a token that is not in the table is found by the path of the table when it runs', async () => {
  const [bert] = models as [Model];
  const run = compile((input_ids: Tensor) =>
    logitsOf(bert.call({ input_ids }, Context.evaluation)),
  );
  // Some backends throw at once, others when the result is read.
  const error: unknown = await (async () =>
    run(tensor([[1, 99]], undefined, 'i32')).data())().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'index-out-of-range',
    path: 'bert.embeddings.word_embeddings',
  });
});

test('no path is left behind by an error', () => {
  const [bert] = models as [Model];
  errorOf(() => bert.call({ input_ids: tensor([1, 2]) }, Context.evaluation));
  expect(
    errorOf(() =>
      tensor([1])
        .add(tensor([1, 2]))
        .add(tensor([1, 2, 3])),
    )?.path,
  ).toBeUndefined();
});
