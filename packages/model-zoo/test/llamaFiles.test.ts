import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  generate,
  initModel,
  type LoadOptions,
  loadModel,
  logitsOf,
  type Model,
} from '@lorikeet/model-zoo';
import { load, save } from '@lorikeet/model-zoo/node';
import { Context, paths } from '@lorikeet/nn';
import { randomKey, tensor } from '@lorikeet/tensor-core';
import {
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';

const llama = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 5,
  hidden_size: 8,
  intermediate_size: 3,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  initializer_range: 0.5,
};
const tied = { ...llama, tie_word_embeddings: true };
const [words, head] = ['model.embed_tokens.weight', 'lm_head.weight'];
const key = randomKey(1);

type StateDict = Map<string, TensorInMemory>;

async function stateDict(model: Model): Promise<StateDict> {
  const stored: StateDict = new Map();
  for (const [name, leaf] of paths(model)) {
    const data = Float32Array.from(await leaf.data());
    stored.set(name, { dtype: 'F32', shape: leaf.shape, data });
  }
  return stored;
}

async function loadFrom(
  config: object,
  stored: StateDict,
  options: LoadOptions = {},
): Promise<StateDict> {
  const bytes = bytesSource(encodeSafetensors(stored));
  const tensors = await readSafetensors(bytes, { name: 'test.safetensors' });
  return await stateDict(await loadModel({ config, tensors }, options));
}

describe('checkpoints', () => {
  test('an output layer of its own is kept, and missed where there is none', async () => {
    const stored = await stateDict(initModel(llama, key));
    expect(stored.get(head)).not.toEqual(stored.get(words));
    expect(await loadFrom(llama, stored)).toEqual(stored);
    stored.delete(head);
    await expect(loadFrom(llama, stored)).rejects.toMatchObject({
      code: 'missing-tensor',
      path: `test.safetensors: ${head}`,
    });
  });

  test('a tied output layer may be stored too, but not with other values', async () => {
    const plain = await stateDict(initModel(tied, key));
    const table = plain.get(words);
    if (table === undefined) throw new Error('no words');
    expect(await loadFrom(tied, new Map([...plain, [head, table]]))).toEqual(plain);
    const other = { ...table, data: new Float32Array(40) };
    await expect(loadFrom(tied, new Map([...plain, [head, other]]))).rejects.toMatchObject({
      code: 'unsupported',
      path: `test.safetensors: ${head}`,
    });
  });

  test('frequencies in old ones are passed over, and so is the output layer by the base', async () => {
    const stored = await stateDict(initModel(llama, key));
    const frequencies = { dtype: 'F32', shape: [2], data: new Float32Array(2) } as const;
    const old = new Map([...stored, ['model.layers.0.self_attn.rotary_emb.inv_freq', frequencies]]);
    expect(await loadFrom(llama, old)).toEqual(stored);
    const base = await loadFrom(llama, old, { architecture: 'LlamaModel' });
    expect(base.get('embed_tokens.weight')).toEqual(stored.get(words));
    expect(base.size).toBe(stored.size - 1);
  });

  test.each([
    ['untied', llama, true],
    ['tied', tied, false],
  ])('%s, it is saved and loaded bit for bit', async (_, config, hasHead) => {
    const dir = await mkdtemp(join(tmpdir(), 'llama-'));
    try {
      const model = initModel(config, key);
      await save(model, dir);
      const loaded = await load(dir);
      expect(loaded.config).toEqual(model.config);
      expect(await stateDict(loaded)).toEqual(await stateDict(model));
      const file = await openSafetensors(dir);
      expect(file.entries.has(head)).toBe(hasHead);
      await file.close();
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

describe('rotary positions', () => {
  const logits = async (config: object): Promise<number[]> => {
    const inputs = { input_ids: tensor([[1, 2, 3]], undefined, 'i32') };
    return [...(await logitsOf(initModel(config, key).call(inputs, Context.evaluation)).data())];
  };

  test('are the same by rope_theta and by rope_parameters, which come first', async () => {
    const old = await logits({ ...llama, rope_theta: 50, rope_scaling: null });
    const rope_parameters = { rope_type: 'default', rope_theta: 50 };
    expect(await logits({ ...llama, rope_parameters })).toEqual(old);
    expect(await logits({ ...llama, rope_parameters, rope_theta: 7 })).toEqual(old);
    expect(await logits({ ...llama, rope_theta: 7 })).not.toEqual(old);
  });

  test('turn by 10000 unless told', async () => {
    expect(await logits(llama)).toEqual(await logits({ ...llama, rope_theta: 10_000 }));
  });

  test('are stretched by the old name of the kind as by the new one', async () => {
    const old = await logits({ ...llama, rope_scaling: { type: 'linear', factor: 2 } });
    const rope_parameters = { rope_type: 'linear', factor: 2 };
    expect(await logits({ ...llama, rope_parameters })).toEqual(old);
    expect(old).not.toEqual(await logits(llama));
  });

  test('are refused with a scaling that is not known', () => {
    const rope_scaling = { rope_type: 'of_my_own', factor: 8 };
    expect(() => initModel({ ...llama, rope_scaling }, key)).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        path: 'rope_scaling.rope_type',
        received: 'of_my_own',
      }),
    );
  });

  const factors = { short_factor: [1], long_factor: [1, 2, 3] };
  test.each<[string, object, string]>([
    ['without a field', { rope_type: 'llama3', factor: 8 }, 'low_freq_factor'],
    ['by nothing', { rope_type: 'linear', factor: 0 }, 'factor'],
    ['with too few numbers', { rope_type: 'longrope', ...factors }, '3 and 1'],
  ])('are refused with a scaling %s', (_, rope_parameters, received) => {
    expect(() => initModel({ ...llama, rope_parameters }, key)).toThrow(
      expect.objectContaining({
        code: 'invalid-config',
        received: expect.stringContaining(received),
      }),
    );
  });
});

describe('a config is refused', () => {
  test.each([
    ['heads that do not divide the width', { num_attention_heads: 3 }, /hidden_size/],
    ['heads of odd size', { num_attention_heads: 8 }, /hidden_size/],
    ['groups that do not divide the heads', { num_key_value_heads: 3 }, /num_key_value_heads/],
    ['heads that turn in part', { partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
    ['a rope that is no record', { rope_parameters: 'fast' }, /rope_parameters/],
    ['a negative size', { vocab_size: -1 }, /vocab_size/],
    [
      'a window of 0',
      { model_type: 'mistral', architectures: ['MistralForCausalLM'], sliding_window: 0 },
      /sliding_window/,
    ],
    [
      'an unknown kind of layer',
      { model_type: 'qwen2', architectures: ['Qwen2ForCausalLM'], layer_types: ['wide'] },
      /layer_types/,
    ],
  ])('with %s', (_, fields, message) => {
    expect(() => initModel({ ...llama, ...fields }, key)).toThrow(
      expect.objectContaining({
        code: 'invalid-config',
        message: expect.stringMatching(message),
      }),
    );
  });
});

const golden = fileURLToPath(new URL('golden', import.meta.url));

test.each(['llama-left-padded', 'llama-tied', 'mistral-sliding', 'qwen2', 'qwen3-v5'])(
  'greedy generation of %s gives the sequences of Transformers',
  async (name) => {
    const file = await openSafetensors(`${golden}/${name}/io.safetensors`);
    const read = async (field: string) =>
      tensor(await file.readAs(field, 'i32'), file.entries.get(field)?.shape, 'i32');
    const input_ids = await read('generate.input_ids');
    const masked = file.entries.has('generate.attention_mask')
      ? { attention_mask: await read('generate.attention_mask') }
      : {};
    const expected = [...(await (await read('generate.sequences')).data())];
    await file.close();
    const model = await load(`${golden}/${name}`);
    const options = { max_new_tokens: 6, eos_token_id: null };
    const { sequences } = await generate(model, { input_ids, ...masked }, options);
    expect(sequences.flat()).toEqual(expected);
  },
);
