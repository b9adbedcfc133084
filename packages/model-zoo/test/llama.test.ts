import { initModel, lossOf } from '@lorikeet/model-zoo';
import { at, Context, countParameters, paths, replaceAt } from '@lorikeet/nn';
import { evaluate, grad, randomKey, Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { ids, logits, requireClose, testRowsAreApart } from './logits.ts';

const sizes = {
  vocab_size: 13,
  hidden_size: 16,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  initializer_range: 0.5,
};
const llama = { ...sizes, model_type: 'llama', architectures: ['LlamaForCausalLM'] };
const mistral = { ...sizes, model_type: 'mistral', architectures: ['MistralForCausalLM'] };
const qwen2 = { ...sizes, model_type: 'qwen2', architectures: ['Qwen2ForCausalLM'] };
const qwen3 = { ...sizes, model_type: 'qwen3', architectures: ['Qwen3ForCausalLM'], head_dim: 6 };

const key = randomKey(1);
const names = (config: object): string[] => paths(initModel(config, key)).map(([path]) => path);

/** Which positions of the second row of tokens get other logits than those of the first. */
async function changed(config: object, one: number[], other: number[]): Promise<boolean[]> {
  const model = await evaluate(initModel(config, key));
  const [a, b] = [await logits(model, [one]), await logits(model, [other])];
  return one.map((_, i) =>
    a.slice(13 * i, 13 * i + 13).some((value, j) => Math.abs(value - (b[13 * i + j] ?? 0)) > 1e-5),
  );
}

const families = await Promise.all(
  Object.entries({ Llama: llama, Mistral: mistral, Qwen2: qwen2, Qwen3: qwen3 }).map(
    async ([name, config]) => ({ name, config, model: await evaluate(initModel(config, key)) }),
  ),
);

describe.each(families)('$name', ({ config, model }) => {
  testRowsAreApart(model, 13);

  test('counts positions from the first token that is there', async () => {
    const attention_mask = ids([[0, 0, 1, 1, 1]]);
    const padded = await logits(model, [[9, 9, 1, 2, 3]], { attention_mask });
    requireClose(padded.slice(2 * 13), await logits(model, [[1, 2, 3]]));
  });

  test('knows distances: the same tokens further apart are something else', async () => {
    const near = await logits(model, [[1, 2]], { position_ids: ids([[0, 1]]) });
    const far = await logits(model, [[1, 2]], { position_ids: ids([[0, 5]]) });
    requireClose(far.slice(0, 13), near.slice(0, 13));
    const error = near.slice(13).map((value, i) => Math.abs(value - (far[13 + i] ?? 0)));
    expect(Math.max(...error)).toBeGreaterThan(1e-3);
  });

  test('does not look ahead', async () => {
    expect(await changed(config, [1, 2, 3, 4], [1, 2, 7, 4])).toEqual([false, false, true, true]);
  });

  test('drops attention weights in training, by the key', async () => {
    const dropping = await evaluate(initModel({ ...config, attention_dropout: 0.5 }, key));
    const inputs = { input_ids: ids([[1, 2, 3]]), labels: ids([[1, 2, 0]]) };
    const loss = (context: Context): Promise<number> =>
      lossOf(dropping.call(inputs, context)).item();
    const train = (seed: number): Promise<number> => loss(Context.training(randomKey(seed)));
    expect(await train(1)).toBe(await train(1));
    expect(await train(1)).not.toBe(await train(2));
    expect(await train(1)).not.toBe(await loss(Context.evaluation));
  });
});

describe('windows', () => {
  const near = { num_hidden_layers: 1, sliding_window: 2 };
  const [one, other] = [
    [1, 2, 3, 4],
    [7, 2, 3, 4],
  ] as const;
  test.each<[string, object, boolean[]]>([
    ['Mistral has one', { ...mistral, ...near }, [true, true, false, false]],
    [
      'Mistral may have none',
      { ...mistral, ...near, sliding_window: null },
      [true, true, true, true],
    ],
    [
      'Qwen2 uses none unasked',
      { ...qwen2, ...near, max_window_layers: 0 },
      [true, true, true, true],
    ],
    [
      'Qwen2 has one after the first layers',
      { ...qwen2, ...near, use_sliding_window: true, max_window_layers: 0 },
      [true, true, false, false],
    ],
    [
      'Qwen2 has none in the first layers',
      { ...qwen2, ...near, use_sliding_window: true, max_window_layers: 1 },
      [true, true, true, true],
    ],
    [
      'Qwen3 has one where layer_types says so',
      { ...qwen3, ...near, use_sliding_window: true, layer_types: ['sliding_attention'] },
      [true, true, false, false],
    ],
  ])('%s', async (_, config, expected) => {
    expect(await changed(config, [...one], [...other])).toEqual(expected);
  });
});

describe('the tree', () => {
  test('of Llama has the names and shapes of the state dict, with fewer keys than queries', () => {
    const shapes = new Map(
      paths(initModel({ ...llama, num_hidden_layers: 1 }, key)).map(([path, { shape }]) => [
        path,
        shape,
      ]),
    );
    expect(Object.fromEntries(shapes)).toEqual({
      'model.embed_tokens.weight': [13, 16],
      'model.layers.0.input_layernorm.weight': [16],
      'model.layers.0.self_attn.q_proj.weight': [16, 16],
      'model.layers.0.self_attn.k_proj.weight': [8, 16],
      'model.layers.0.self_attn.v_proj.weight': [8, 16],
      'model.layers.0.self_attn.o_proj.weight': [16, 16],
      'model.layers.0.post_attention_layernorm.weight': [16],
      'model.layers.0.mlp.gate_proj.weight': [12, 16],
      'model.layers.0.mlp.up_proj.weight': [12, 16],
      'model.layers.0.mlp.down_proj.weight': [16, 12],
      'model.norm.weight': [16],
      'lm_head.weight': [13, 16],
    });
  });

  const biases = (config: object): string[] =>
    names({ ...config, num_hidden_layers: 1 })
      .filter((name) => name.endsWith('.bias'))
      .map((name) => name.split('.').at(-2) ?? '');
  test.each<[string, object, string[]]>([
    ['no biases in Llama', llama, []],
    [
      'biases that Llama is asked for',
      { ...llama, attention_bias: true },
      ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
    ],
    ['biases in its MLP', { ...llama, mlp_bias: true }, ['gate_proj', 'up_proj', 'down_proj']],
    ['no biases in Mistral', mistral, []],
    ['biases on the way into the attention of Qwen2', qwen2, ['q_proj', 'k_proj', 'v_proj']],
    ['no biases in Qwen3', qwen3, []],
  ])('has %s', (_, config, expected) => {
    expect(biases(config)).toEqual(expected);
  });

  test('has norms of queries and keys in Qwen3 alone', () => {
    const norms = (config: object): string[] =>
      names(config).filter((name) => /layers\.0\.self_attn\.[qk]_norm/.test(name));
    expect(norms(qwen3)).toEqual([
      'model.layers.0.self_attn.q_norm.weight',
      'model.layers.0.self_attn.k_norm.weight',
    ]);
    expect(norms(qwen2)).toEqual([]);
  });

  test('has no output layer where it is tied, and as many keys as queries unless told', () => {
    expect(names({ ...llama, tie_word_embeddings: true })).not.toContain('lm_head.weight');
    const { num_key_value_heads: _, ...config } = llama;
    expect(at(initModel(config, key), 'model.layers.0.self_attn.k_proj.weight')).toMatchObject({
      shape: [16, 16],
    });
  });

  test('of 160 million parameters is made without computing them', () => {
    const config = {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      vocab_size: 32000,
    };
    const layer = 4 * 768 ** 2 + 3 * 768 * 3072 + 2 * 768;
    expect(countParameters(initModel(config, key))).toBe(2 * 32000 * 768 + 12 * layer + 768);
  });
});

test('a base model gives the normalised last state', () => {
  const base = initModel({ ...llama, architectures: ['LlamaModel'] }, key);
  const outputs = base.call({ input_ids: ids([[1, 2, 3]]) }, Context.evaluation);
  expect(outputs.last_hidden_state).toBe(outputs.hidden_states.at(-1));
  expect(outputs.hidden_states.map(({ shape }) => shape)).toEqual(Array(3).fill([1, 3, 16]));
  expect(outputs.logits).toBeUndefined();
});

describe('the row of padding is not trained', () => {
  test.each([
    ['of no padding', null, []],
    ['as given', 4, [4]],
    ['counted from the end', -1, [12]],
  ] as const)('%s', async (_, pad_token_id, still) => {
    const words = 'model.embed_tokens.weight';
    const model = await evaluate(initModel({ ...llama, pad_token_id }, key));
    const table = at(model, words);
    if (!(table instanceof Tensor)) throw new Error('no table');
    const inputs = { input_ids: ids([[1, 4, 12, 2]]), labels: ids([[1, 4, 12, 2]]) };
    const gradient = await grad((live: Tensor) =>
      lossOf(replaceAt(model, words, live).call(inputs, Context.evaluation)),
    )(table).data();
    const isStill = (row: number): boolean =>
      gradient.subarray(16 * row, 16 * row + 16).every((value) => value === 0);
    expect([1, 4, 12].filter(isStill)).toEqual(still);
  });
});
