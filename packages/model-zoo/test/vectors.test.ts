import { initModel, type Model } from '@lorikeet/model-zoo';
import { at, Context, Embedding, takesVectors } from '@lorikeet/nn';
import { normal, ones, randomKey, type Tensor, tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { requireClose } from './logits.ts';

const gpt2 = {
  model_type: 'gpt2',
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
  n_positions: 16,
  vocab_size: 12,
};
const bert = {
  model_type: 'bert',
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 16,
  vocab_size: 12,
};
const llama = {
  model_type: 'llama',
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 12,
  vocab_size: 12,
};
const configs = [
  { ...gpt2, architectures: ['GPT2Model'] },
  { ...gpt2, architectures: ['GPT2LMHeadModel'] },
  { ...bert, architectures: ['BertModel'] },
  { ...bert, architectures: ['BertForMaskedLM'] },
  { ...bert, architectures: ['BertForTokenClassification'] },
  { ...bert, architectures: ['BertForSequenceClassification'] },
  { ...bert, architectures: ['BertForQuestionAnswering'] },
  { ...llama, architectures: ['LlamaModel'] },
  { ...llama, architectures: ['LlamaForCausalLM'] },
  { ...llama, architectures: ['LlamaForCausalLM'], tie_word_embeddings: true },
];

const input_ids = tensor(
  [
    [1, 2, 3],
    [4, 5, 0],
  ],
  undefined,
  'i32',
);

async function statesOf(model: Model, inputs: Parameters<Model['call']>[0]): Promise<number[]> {
  const { hidden_states, logits } = model.call(inputs, Context.evaluation);
  const data = await Promise.all(
    [...hidden_states, ...(logits === undefined ? [] : [logits])].map((state) => state.data()),
  );
  return data.flatMap((numbers) => [...numbers]);
}

describe.each(configs)('$architectures', (config) => {
  const model = initModel(config, randomKey(3));
  if (!takesVectors(model)) throw new Error('the model takes no vectors');
  const { inputSite } = model;

  test('tells where its tokens enter', () => {
    const embedding = at(model, inputSite.embedding);
    expect(embedding).toBeInstanceOf(Embedding);
    expect(model.embed(input_ids, Context.evaluation).shape).toEqual([2, 3, inputSite.width]);
  });

  test('gives for the vectors of tokens what it gives for the tokens', async () => {
    const inputs_embeds = model.embed(input_ids, Context.evaluation);
    expect(await statesOf(model, { inputs_embeds })).toEqual(await statesOf(model, { input_ids }));
  });

  const past = (seed: number): { key: Tensor; value: Tensor }[] =>
    Array.from({ length: inputSite.layers }, (_, i) => {
      const sizes = [2, inputSite.keyValueHeads, 2, inputSite.headSize];
      const make = (name: number): Tensor => normal(randomKey(seed + 10 * i + name), sizes);
      return { key: make(0), value: make(1) };
    });

  test('looks at the past where the mask lets it, and nowhere else', async () => {
    const mask = (kept: Tensor): Tensor => kept.reshape([1, 5]).broadcastTo([2, 5]);
    const hidden = mask(tensor([0, 0, 1, 1, 1], undefined, 'i32'));
    const position_ids = tensor([[0, 1, 2]], undefined, 'i32');
    const given = { input_ids, position_ids, past_key_values: past(1) };
    const plain = await statesOf(model, { input_ids });
    requireClose(await statesOf(model, { ...given, attention_mask: hidden }), plain);
    const seen = await statesOf(model, { ...given, attention_mask: ones([2, 5], 'i32') });
    expect(seen.some((value, i) => Math.abs(value - (plain[i] ?? 0)) > 1e-3)).toBe(true);
  });

  test('counts positions from behind the past', async () => {
    const given = { input_ids, past_key_values: past(2) };
    const position_ids = zeros([2, 3], 'i32').add(tensor([2, 3, 4], undefined, 'i32'));
    const expected = await statesOf(model, { ...given, position_ids });
    // Another program, whose sums a backend may round otherwise.
    for (const [i, value] of (await statesOf(model, given)).entries())
      expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 5);
  });
});
