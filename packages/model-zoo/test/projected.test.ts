import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GPT2Model,
  initModel,
  LlamaModel,
  type LoadOptions,
  loadModel,
  type Model,
  ProjectedModel,
} from '@lorikeet/model-zoo';
import { load, save, saveShadow } from '@lorikeet/model-zoo/node';
import { Context, Linear, paths } from '@lorikeet/nn';
import { normal, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import {
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const gpt2 = {
  model_type: 'gpt2',
  vocab_size: 5,
  n_positions: 4,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
};
const bert = {
  ...{ model_type: 'bert', vocab_size: 5, hidden_size: 4, intermediate_size: 4 },
  ...{ num_hidden_layers: 1, num_attention_heads: 2 },
};
const projectedType = 'causal_lm_with_hidden_projection';
const small = initModel({ ...gpt2, architectures: ['GPT2Model'] }, randomKey(1));
const projection = normal(randomKey(2), [6, 4]);
const ids = tensor([[1, 2, 4]], [1, 3], 'i32');

type Tensors = Readonly<Record<string, Tensor>>;

async function from(config: object, tensors: Tensors, options?: LoadOptions): Promise<Model> {
  const entries = await Promise.all(
    Object.entries(tensors).map(async ([name, leaf]) => {
      const data = Float32Array.from(await leaf.data());
      return [name, { dtype: 'F32', shape: leaf.shape, data }] as const;
    }),
  );
  const bytes = encodeSafetensors(new Map<string, TensorInMemory>(entries));
  const file = await readSafetensors(bytesSource(bytes), { name: 'test.safetensors' });
  return loadModel({ config, tensors: file }, options);
}

function within(prefix: string, model: object = small): Tensors {
  return Object.fromEntries(paths(model).map(([path, leaf]) => [`${prefix}.${path}`, leaf]));
}

async function statesOf(model: Model): Promise<number[]> {
  const { last_hidden_state } = model.call({ input_ids: ids }, Context.evaluation);
  return [...((await last_hidden_state?.data()) ?? [])];
}

/** What the small model makes, at the width of a larger one. */
async function expected(): Promise<number[]> {
  const { last_hidden_state } = small.call({ input_ids: ids }, Context.evaluation);
  if (last_hidden_state === undefined) throw new Error('no states');
  const states = new Linear(projection, null).call(last_hidden_state, Context.evaluation);
  return [...(await states.data())];
}

const config = { model_type: projectedType, shadow_model_config: gpt2 };
const projected = { 'shadow_hidden_projection.weight': projection };
const whole = { ...within('shadow_model'), ...projected };

test('a projected shadow is read, and the output layer of the larger model is left', async () => {
  const model = await from(config, { ...whole, 'lm_head.weight': normal(randomKey(3), [5, 6]) });
  expect(await statesOf(model)).toEqual(await expected());
  expect(paths(model).map(([path]) => path)).toEqual(Object.keys(whole));
});

test('a shadow that PEFT saved alone has a projection only where the widths differ', async () => {
  const detached = { ...gpt2, architectures: ['DetachedShadowModel'] };
  const head = { 'head.weight': normal(randomKey(3), [5, 6]) };
  const plain = await from(detached, { ...within('backbone'), ...head });
  expect(plain).toBeInstanceOf(GPT2Model);
  const parts = { ...within('backbone'), ...head, ...projected };
  expect(await statesOf(await from(detached, parts))).toEqual(await expected());
});

test('the second table of words of a GPT-2 that PEFT copied is not taken for the first', async () => {
  const detached = { ...gpt2, architectures: ['DetachedShadowModel'] };
  const words = { 'backbone.embed_tokens.weight': normal(randomKey(3), [5, 4]) };
  await expect(from(detached, { ...within('backbone'), ...words })).rejects.toMatchObject({
    code: 'unexpected-tensor',
    path: 'test.safetensors: embed_tokens.weight',
  });
});

describe('refused is', () => {
  test.each([
    ['no projection', config, within('shadow_model'), 'missing-tensor'],
    [
      'the projection of another model',
      config,
      { ...whole, 'shadow_hidden_projection.weight': normal(randomKey(2), [6, 3]) },
      'shape-mismatch',
    ],
    ['a model without a tensor', config, { ...noWords(), ...projected }, 'missing-tensor'],
    ['no config of the model', { model_type: projectedType }, whole, 'invalid-config'],
    [
      'a shadow within a shadow',
      { model_type: projectedType, shadow_model_config: config },
      whole,
      'unsupported',
    ],
    [
      'a model of another kind',
      { model_type: projectedType, shadow_model_config: bert },
      {
        ...within(
          'shadow_model',
          initModel({ ...bert, architectures: ['BertModel'] }, randomKey(0)),
        ),
        ...projected,
      },
      'unsupported',
    ],
  ])('%s', async (_, own, tensors, code) => {
    await expect(from(own, tensors)).rejects.toMatchObject({ code });
  });

  test('a head', async () => {
    await expect(from(config, whole, { head: 'causal-lm' })).rejects.toMatchObject({
      code: 'unsupported',
      received: 'causal-lm',
    });
    await expect(from(config, whole, { head: 'feature-extraction' })).resolves.toBeDefined();
  });
});

/** All but the words. */
function noWords(): Tensors {
  const { 'shadow_model.wte.weight': _, ...others } = within('shadow_model');
  return others;
}

describe('saving', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'projected-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('a projected shadow keeps it all, in the dtype that is asked for', async () => {
    const model = await from(
      { ...config, shadow_model_config: { ...gpt2, dtype: 'float32' } },
      whole,
      { dtype: 'bf16' },
    );
    const dir = join(folder, 'projected');
    await save(model, dir, { dtype: 'bf16' });
    expect(JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'))).toMatchObject({
      ...{ model_type: projectedType, base_hidden_size: 6, vocab_size: 5 },
      shadow_model_config: { ...gpt2, dtype: 'bfloat16' },
    });
    const again = await load(dir, { dtype: 'bf16' });
    expect(again).toBeInstanceOf(ProjectedModel);
    expect(await statesOf(again)).toEqual(await statesOf(model));
  });

  test('a mirror of one layer has the kinds of one layer', async () => {
    const qwen = {
      ...{
        model_type: 'qwen2',
        architectures: ['Qwen2ForCausalLM'],
        vocab_size: 5,
        hidden_size: 4,
      },
      ...{
        intermediate_size: 4,
        num_hidden_layers: 2,
        num_attention_heads: 1,
        num_key_value_heads: 1,
      },
      ...{
        layer_types: ['full_attention', 'sliding_attention'],
        use_sliding_window: true,
        sliding_window: 2,
      },
    };
    const model = initModel({ ...qwen, architectures: ['Qwen2Model'] }, randomKey(0));
    if (!(model instanceof LlamaModel)) throw new Error('another class');
    const sizes = { width: null, inner: null, heads: null };
    for (const [layers, last] of [
      [1, 'full_attention'],
      [3, 'sliding_attention'],
    ] as const) {
      const mirror = model.mirror({ layers, ...sizes }, randomKey(1));
      const dir = join(folder, `qwen${layers}`);
      await saveShadow({ backbone: mirror, projection: null }, dir);
      const { layer_types, architectures } = JSON.parse(
        await readFile(join(dir, 'config.json'), 'utf8'),
      );
      expect(layer_types).toHaveLength(layers);
      expect(layer_types.at(-1)).toBe(last);
      expect(architectures).toEqual(['Qwen2Model']);
      expect(await statesOf(await load(dir))).toEqual(await statesOf(mirror));
    }
  });

  test('a mirror of another width scales its words by its own', async () => {
    const gemma = {
      ...{ model_type: 'gemma', architectures: ['GemmaModel'], vocab_size: 5, hidden_size: 4 },
      ...{ intermediate_size: 4, num_hidden_layers: 1, num_attention_heads: 1, head_dim: 4 },
      num_key_value_heads: 1,
    };
    const model = initModel(gemma, randomKey(0));
    if (!(model instanceof LlamaModel)) throw new Error('another class');
    const sizes = { layers: 1, width: 9, inner: null, heads: null };
    const mirror = model.mirror(sizes, randomKey(1));
    expect(mirror.wordScale).toBe(3);
    const dir = join(folder, 'gemma');
    await saveShadow({ backbone: mirror, projection: null }, dir);
    expect(await statesOf(await load(dir))).toEqual(await statesOf(mirror));
  });

  test('needs a model of this package', async () => {
    const shadow = { backbone: {}, projection: null };
    await expect(saveShadow(shadow, folder)).rejects.toMatchObject({ code: 'unsupported' });
  });
});
