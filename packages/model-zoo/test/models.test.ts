import { initModel, lossOf, type Model } from '@lorikeet/model-zoo';
import { Context, paths, replaceAt } from '@lorikeet/nn';
import { evaluate, randomKey } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { ids, logits, requireClose, testRowsAreApart } from './logits.ts';

const bertConfig = {
  model_type: 'bert',
  architectures: ['BertForTokenClassification'],
  vocab_size: 13,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 10,
  num_labels: 3,
  initializer_range: 0.5,
};
const gpt2Config = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 13,
  n_positions: 10,
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
  initializer_range: 0.5,
};
const key = randomKey(1);
const bert = await evaluate(initModel(bertConfig, key));
const gpt2 = await evaluate(initModel(gpt2Config, key));
describe.each([
  ['BERT', bert, 3],
  ['GPT-2', gpt2, 13],
] as const)('%s', (_, model, width) => {
  testRowsAreApart(model, width);

  test('drops in training, by the key, and not in evaluation', async () => {
    const inputs = { input_ids: ids([[1, 2, 3]]), labels: ids([[1, 2, 0]]) };
    const loss = async (context: Context): Promise<number> =>
      await lossOf(model.call(inputs, context)).item();
    const train = (seed: number): Promise<number> => loss(Context.training(randomKey(seed)));
    expect(await loss(Context.evaluation)).toBe(await loss(Context.evaluation));
    expect(await train(1)).toBe(await train(1));
    expect(await train(1)).not.toBe(await train(2));
    expect(await train(1)).not.toBe(await loss(Context.evaluation));
  });

  test('gives no loss without labels, and says so', () => {
    const outputs = model.call({ input_ids: ids([[1]]) }, Context.evaluation);
    expect(outputs.loss).toBeUndefined();
    expect(() => lossOf(outputs)).toThrow('gives no loss');
  });

  test('refuses more tokens than it has positions', () => {
    const inputs = { input_ids: ids([Array.from({ length: 11 }, () => 1)]) };
    expect(() => model.call(inputs, Context.evaluation)).toThrow(
      expect.objectContaining({ code: 'index-out-of-range', expected: 'at most 10 tokens' }),
    );
  });

  test('refuses a token behind its vocabulary', async () => {
    await expect(logits(model, [[99]])).rejects.toMatchObject({
      code: 'index-out-of-range',
      hint: expect.stringContaining('vocabulary'),
    });
  });
});

test('a base model gives the hidden states of the model with a head, and BERT a pooled one', () => {
  const base = (config: object, name: string) =>
    initModel({ ...config, architectures: [name] }, key).call(
      { input_ids: ids([[1, 2, 3]]) },
      Context.evaluation,
    );
  expect(base(bertConfig, 'BertModel').last_hidden_state?.shape).toEqual([1, 3, 8]);
  expect(base(bertConfig, 'BertModel').pooler_output?.shape).toEqual([1, 8]);
  expect(base(gpt2Config, 'GPT2Model').last_hidden_state?.shape).toEqual([1, 3, 8]);
  expect(base(gpt2Config, 'GPT2Model').hidden_states).toHaveLength(3);
});

test('what is put over a tied embedding changes the lookup and not the output layer', async () => {
  const table = new Map(paths(gpt2)).get('transformer.wte.weight');
  if (table === undefined) throw new Error('no table');
  const doubled = { base: table, materialize: () => table.mul(2) };
  const tuned = replaceAt(gpt2, 'transformer.wte.weight', doubled);
  const call = (model: Model) => model.call({ input_ids: ids([[1, 2]]) }, Context.evaluation);
  const { hidden_states, logits: scores } = call(tuned);
  expect(await hidden_states[0]?.data()).not.toEqual(await call(gpt2).hidden_states[0]?.data());
  const [last] = hidden_states.slice(-1);
  const expected = await last
    ?.reshape([2, 8])
    .matmul(table.permute([1, 0]))
    .data();
  requireClose([...((await scores?.data()) ?? [])], [...(expected ?? [])]);
});

test('GPT-2 does not look ahead, and BERT does', async () => {
  const change = async (model: Model, width: number): Promise<number> => {
    const [one, other] = [await logits(model, [[1, 2, 3]]), await logits(model, [[1, 2, 7]])];
    return Math.max(
      ...one.slice(0, 2 * width).map((value, i) => Math.abs(value - (other[i] ?? 0))),
    );
  };
  expect(await change(gpt2, 13)).toBe(0);
  expect(await change(bert, 3)).toBeGreaterThan(1e-3);
});

describe('initModel', () => {
  test('names tensors as the state dict of Transformers', () => {
    const names = paths(initModel({ ...bertConfig, num_hidden_layers: 1 }, key)).map(
      ([path]) => path,
    );
    expect(names).toEqual(
      expect.arrayContaining([
        'bert.embeddings.LayerNorm.weight',
        'bert.encoder.layer.0.attention.self.query.weight',
        'bert.encoder.layer.0.attention.output.LayerNorm.bias',
        'classifier.bias',
      ]),
    );
    expect(paths(gpt2).map(([path]) => path)).toEqual(
      expect.arrayContaining([
        'transformer.wte.weight',
        'transformer.h.1.attn.c_attn.bias',
        'transformer.h.0.mlp.c_proj.weight',
        'transformer.ln_f.weight',
      ]),
    );
  });

  test('starts with the deviation that the config asks for', async () => {
    const big = initModel({ ...bertConfig, vocab_size: 4000, initializer_range: 0.02 }, key);
    const table = new Map(paths(big)).get('bert.embeddings.word_embeddings.weight');
    const data = [...((await table?.data()) ?? [])];
    const variance = data.reduce((sum, value) => sum + value * value, 0) / data.length;
    expect(Math.sqrt(variance)).toBeCloseTo(0.02, 3);
  });

  test('keeps fields that it does not know', () => {
    expect(initModel({ ...bertConfig, of_my_own: 7 }, key).config.of_my_own).toBe(7);
  });

  test.each([
    ['an unknown type', { model_type: 'xlnet' }, 'unsupported', /'xlnet'[\s\S]*bert, deberta/],
    [
      'an unknown head',
      { ...bertConfig, architectures: ['BertForNothing'] },
      'unsupported',
      /BertForNothing[\s\S]*BertForMaskedLM/,
    ],
    ['no type', { vocab_size: 3 }, 'invalid-config', /model_type/],
    ['something that is no record', [], 'invalid-config', /config\.json/],
    [
      'heads that do not divide the width',
      { ...bertConfig, hidden_size: 9 },
      'invalid-config',
      /multiple of num_attention_heads/,
    ],
    ['a negative size', { ...bertConfig, vocab_size: -1 }, 'invalid-config', /vocab_size/],
    [
      'relative positions',
      { ...bertConfig, position_embedding_type: 'relative_key' },
      'invalid-config',
      /position_embedding_type/,
    ],
    [
      'an unknown kind of problem',
      { ...bertConfig, problem_type: 'ranking' },
      'invalid-config',
      /problem_type/,
    ],
    [
      'several faults',
      { ...gpt2Config, n_head: 0, n_layer: -1 },
      'invalid-config',
      /n_layer[\s\S]*n_head/,
    ],
    ['an unknown activation', { ...bertConfig, hidden_act: 'wiggle' }, 'unsupported', /wiggle/],
  ])('refuses %s', (_, config, code, message) => {
    const make = (): unknown =>
      initModel(config, key).call({ input_ids: ids([[1]]) }, Context.evaluation);
    expect(make).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
