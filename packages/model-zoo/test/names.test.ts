import { initModel, type LoadOptions, loadModel, type Model } from '@lorikeet/model-zoo';
import { paths } from '@lorikeet/nn';
import { randomKey } from '@lorikeet/tensor-core';
import {
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { expect, test } from 'vitest';

const bert = {
  model_type: 'bert',
  architectures: ['BertForMaskedLM'],
  vocab_size: 5,
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 3,
  max_position_embeddings: 4,
};
const gpt2 = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 5,
  n_positions: 4,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
};
const words = 'bert.embeddings.word_embeddings.weight';

type StateDict = Map<string, TensorInMemory>;

async function stateDict(
  model: Model,
  rename = (name: string): string => name,
): Promise<StateDict> {
  const stored: StateDict = new Map();
  for (const [name, leaf] of paths(model)) {
    const data = Float32Array.from(await leaf.data());
    stored.set(rename(name), { dtype: 'F32', shape: leaf.shape, data });
  }
  return stored;
}

async function loadFrom(
  config: object,
  stored: StateDict,
  options: LoadOptions = {},
): Promise<Map<string, TensorInMemory>> {
  const bytes = bytesSource(encodeSafetensors(stored));
  const tensors = await readSafetensors(bytes, { name: 'test.safetensors' });
  return await stateDict(await loadModel({ config, tensors }, options));
}

const isUnderBase = (name: string): boolean => name.startsWith('bert.');
const withoutBase = (name: string): string => name.replace(/^(bert|transformer)\./, '');

test('norms of the first BERT checkpoints are found under gamma and beta', async () => {
  const model = initModel(bert, randomKey(1));
  const rename = (name: string): string =>
    name.replace(/LayerNorm\.(weight|bias)$/, (_, field) =>
      field === 'weight' ? 'LayerNorm.gamma' : 'LayerNorm.beta',
    );
  expect(await loadFrom(bert, await stateDict(model, rename))).toEqual(await stateDict(model));
});

test('a checkpoint of the GPT-2 base, which does not name it, is loaded as one with a head', async () => {
  const model = initModel(gpt2, randomKey(1));
  const stored = await stateDict(model, withoutBase);
  stored.set('h.0.attn.bias', { dtype: 'F32', shape: [1], data: new Float32Array(1) });
  expect(await loadFrom(gpt2, stored)).toEqual(await stateDict(model));
});

test('a checkpoint of the BERT base lacks a head, which is made from the key', async () => {
  const options = { architecture: 'BertForSequenceClassification', key: randomKey(2) };
  const stored = await stateDict(
    initModel({ ...bert, architectures: ['BertModel'] }, randomKey(1)),
  );
  await expect(loadFrom(bert, stored, options)).rejects.toMatchObject({
    code: 'missing-tensor',
    path: 'test.safetensors: classifier.weight, classifier.bias',
  });
  const loaded = await loadFrom(bert, stored, { ...options, allowMissing: ['classifier.*'] });
  expect(new Set([...loaded.keys()].filter(isUnderBase).map(withoutBase))).toEqual(
    new Set(stored.keys()),
  );
  expect(loaded.get(words)).toEqual(stored.get(withoutBase(words)));
  expect(loaded.get('classifier.weight')?.data.some((value) => value !== 0)).toBe(true);
});

test('the base of a checkpoint with a head is loaded if the head may be left', async () => {
  const stored = await stateDict(initModel(bert, randomKey(1)));
  const options = { architecture: 'BertModel', allowMissing: ['pooler.**'] };
  await expect(loadFrom(bert, stored, options)).rejects.toMatchObject({
    code: 'unexpected-tensor',
    path: expect.stringContaining('cls.predictions.bias'),
  });
  const loaded = await loadFrom(bert, stored, { ...options, allowUnexpected: ['cls.**'] });
  expect(loaded.get(withoutBase(words))).toEqual(stored.get(words));
});

test('buffers of old checkpoints, and a pooler that the head does not use, are passed over', async () => {
  const model = initModel(bert, randomKey(1));
  const stored = await stateDict(model);
  for (const name of ['embeddings.position_ids', 'pooler.dense.weight', 'pooler.dense.bias'])
    stored.set(`bert.${name}`, { dtype: 'F32', shape: [1], data: new Float32Array(1) });
  expect(await loadFrom(bert, stored)).toEqual(await stateDict(model));
});

test('a tied copy is passed over, stands in for its tensor, and may not differ from it', async () => {
  const model = initModel(bert, randomKey(1));
  const plain = await stateDict(model);
  const table = plain.get(words);
  if (table === undefined) throw new Error('no words');
  const copy = 'cls.predictions.decoder.weight';

  const both = new Map([...plain, [copy, table] as const]);
  expect(await loadFrom(bert, both)).toEqual(plain);

  const onlyCopy = new Map([...both].filter(([name]) => name !== words));
  expect(await loadFrom(bert, onlyCopy)).toEqual(plain);

  const changed = {
    ...table,
    data: Float32Array.from(table.data as Float32Array, (value) => value + 1),
  };
  const other = new Map([...plain, [copy, changed] as const]);
  await expect(loadFrom(bert, other)).rejects.toMatchObject({
    code: 'unsupported',
    path: `test.safetensors: ${copy}`,
  });
  expect(await loadFrom(bert, other, { allowUnexpected: [copy] })).toEqual(plain);
});

test('names that objects have by themselves are unexpected like any other', async () => {
  const stored = await stateDict(initModel(gpt2, randomKey(1)));
  stored.set('constructor', { dtype: 'F32', shape: [1], data: new Float32Array(1) });
  await expect(loadFrom(gpt2, stored)).rejects.toMatchObject({ code: 'unexpected-tensor' });
});

const bart = {
  model_type: 'bart',
  architectures: ['BartForConditionalGeneration'],
  vocab_size: 5,
  d_model: 4,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_attention_heads: 2,
  decoder_attention_heads: 2,
  encoder_ffn_dim: 3,
  decoder_ffn_dim: 3,
  max_position_embeddings: 6,
};

test('both sides of a BART whose output layer alone is its own read the words that the file has once', async () => {
  const untied = { ...bart, tie_word_embeddings: false };
  const stored = await stateDict(initModel(untied, randomKey(1)));
  // So transformers 4 wrote it.
  const sides = ['encoder', 'decoder'].map((side) => `model.${side}.embed_tokens.weight`);
  for (const name of sides) stored.delete(name);
  const loaded = await loadFrom(untied, stored);
  for (const name of sides) expect(loaded.get(name)).toEqual(stored.get('model.shared.weight'));
  expect(loaded.get('lm_head.weight')).toEqual(stored.get('lm_head.weight'));
  stored.delete('model.shared.weight');
  await expect(loadFrom(untied, stored)).rejects.toMatchObject({ code: 'missing-tensor' });
});

test.each([
  ['with a head', 'BartForConditionalGeneration'],
  ['without one', 'BartModel'],
])('the decoder of BART is taken out of a whole checkpoint, %s', async (_, architecture) => {
  const whole = { ...bart, architectures: [architecture] };
  const stored = await stateDict(initModel(whole, randomKey(1)));
  const loaded = await loadFrom(whole, stored, { head: 'causal-lm' });
  const base = architecture === 'BartModel' ? '' : 'model.';
  expect(loaded.get('model.decoder.embed_tokens.weight')).toEqual(
    stored.get(`${base}shared.weight`),
  );
  const layer = 'decoder.layers.0.fc1.weight';
  expect(loaded.get(`model.${layer}`)).toEqual(stored.get(`${base}${layer}`));
  expect([...loaded.keys()].filter((name) => name.includes('encoder.'))).toEqual([]);
});
