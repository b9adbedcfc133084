import { generate, initModel } from '@lorikeet/model-zoo';
import { evaluate, randomKey, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

const gpt2 = await evaluate(
  initModel(
    {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      vocab_size: 13,
      n_positions: 10,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      initializer_range: 0.5,
    },
    randomKey(1),
  ),
);
const ids = (rows: number[][]) => tensor(rows, undefined, 'i32');

test('what a model says next depends neither on its neighbours nor on padding', async () => {
  const {
    sequences: [long = [], padded = []],
  } = await generate(
    gpt2,
    {
      input_ids: ids([
        [1, 2, 3],
        [0, 0, 5],
      ]),
      attention_mask: ids([
        [1, 1, 1],
        [0, 0, 1],
      ]),
    },
    { max_new_tokens: 4 },
  );
  expect(long).toHaveLength(7);
  const { sequences } = await generate(
    gpt2,
    { input_ids: ids([[1, 2, 3]]) },
    { max_new_tokens: 4 },
  );
  expect(sequences).toEqual([long]);
  const alone = await generate(gpt2, { input_ids: ids([[5]]) }, { max_new_tokens: 4 });
  expect(alone.sequences).toEqual([padded.slice(2)]);
});

test('more tokens go on from fewer', async () => {
  const prompt = { input_ids: ids([[1, 2]]) };
  const {
    sequences: [few = []],
  } = await generate(gpt2, prompt, { max_new_tokens: 2 });
  const {
    sequences: [many = []],
  } = await generate(gpt2, prompt, { max_new_tokens: 5 });
  expect(many.slice(0, 4)).toEqual(few);
});

describe('it refuses', () => {
  test.each([0, -1, 1.5, Number.NaN])('to make %d tokens', async (max_new_tokens) => {
    await expect(
      generate(gpt2, { input_ids: ids([[1]]) }, { max_new_tokens }),
    ).rejects.toMatchObject({ code: 'invalid-config' });
  });

  test('an empty prompt', async () => {
    const prompt = { input_ids: tensor([], [1, 0], 'i32') };
    await expect(generate(gpt2, prompt, { max_new_tokens: 1 })).rejects.toMatchObject({
      code: 'invalid-argument',
      hint: expect.stringContaining('bos_token_id'),
    });
  });

  test('a model that sees what comes later', async () => {
    const config = {
      model_type: 'bert',
      architectures: ['BertForMaskedLM'],
      vocab_size: 5,
      hidden_size: 4,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 3,
    };
    const bert = initModel(config, randomKey(1));
    await expect(
      generate(bert, { input_ids: ids([[1]]) }, { max_new_tokens: 1 }),
    ).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('causal'),
    });
  });

  test('to go on where the model has no positions', async () => {
    await expect(
      generate(gpt2, { input_ids: ids([[1]]) }, { max_new_tokens: 11 }),
    ).rejects.toMatchObject({ code: 'index-out-of-range' });
  });
});
