import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { families, initModel, logitsOf, type Model } from '@lorikeet/model-zoo';
import { load, save } from '@lorikeet/model-zoo/node';
import { at, Context, FourBit, paths, Quantized, quantizeWeights } from '@lorikeet/nn';
import { randomKey, tensor } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { architectureWith } from '../src/heads/headNames.ts';

const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}`, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'load-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function logits(model: Model): Promise<readonly number[]> {
  const input_ids = tensor([[1, 2, 3]], undefined, 'i32');
  return [...(await logitsOf(model.call({ input_ids }, Context.evaluation)).data())];
}

test.each([
  ['bert-mlm', 'masked-lm', 'BertForMaskedLM', []],
  ['bert-mlm', 'feature-extraction', 'BertModel', ['pooler.**']],
  ['bert-mlm', 'multiple-choice', 'BertForMultipleChoice', ['classifier.*', '**.pooler.**']],
  ['bert-seqcls', 'sequence-classification', 'BertForSequenceClassification', []],
  ['bert-tokcls', 'token-classification', 'BertForTokenClassification', []],
  ['bert-qa', 'question-answering', 'BertForQuestionAnswering', []],
  ['gpt2-lm', 'causal-lm', 'GPT2LMHeadModel', []],
  ['gpt2-lm', 'feature-extraction', 'GPT2Model', []],
  ['qwen2', 'causal-lm', 'Qwen2ForCausalLM', []],
] as const)('%s with a head for %s is a %s', async (name, head, architecture, allowMissing) => {
  const model = await load(golden(name), { head, allowMissing, allowUnexpected: ['**'] });
  expect(model.config.architectures).toEqual([architecture]);
});

test.each([
  ['t5', 'T5ForConditionalGeneration', 'T5Model'],
  ['bart', 'BartForConditionalGeneration', 'BartModel'],
  ['marian', 'MarianMTModel', 'MarianModel'],
])('of %s, both kinds of heads are classes', (type, seq2seq, base) => {
  const family = families.find(({ modelType }) => modelType === type);
  const names = Object.keys(family?.architectures ?? {});
  expect(architectureWith('seq2seq-lm', names)).toBe(seq2seq);
  expect(architectureWith('feature-extraction', names)).toBe(base);
});

test('a head that a family lacks is refused, with those that it has', async () => {
  await expect(load(golden('gpt2-lm'), { head: 'masked-lm' })).rejects.toMatchObject({
    code: 'unsupported',
    expected: expect.stringContaining('causal-lm'),
  });
});

test('a new head has as many labels as are asked for', async () => {
  const model = await load(golden('bert-mlm'), {
    head: 'sequence-classification',
    config: { num_labels: 5 },
    allowMissing: ['classifier.*', '**.pooler.**'],
    allowUnexpected: ['cls.**'],
  });
  expect(await logits(model)).toHaveLength(5);
  expect(model.config.id2label).toBeUndefined();
});

describe.each(['f16', 'bf16', 'f64'] as const)('in %s', (dtype) => {
  test('all weights are what was asked for, and the outputs near', async () => {
    const model = await load(golden('llama-tied'), { dtype });
    expect(new Set(paths(model).map(([, leaf]) => leaf.dtype))).toEqual(new Set([dtype]));
    const [got, expected] = [await logits(model), await logits(await load(golden('llama-tied')))];
    const scale = Math.max(...expected.map(Math.abs));
    const tolerance = { f16: 0.02, bf16: 0.15, f64: 1e-4 }[dtype];
    for (const [i, value] of got.entries())
      expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThan(tolerance * scale);
  });
});

describe('quantised while loading', () => {
  test.each(['nf4', 'fp4', 'int8', 'int4'] as const)(
    'in %s, it is what quantizeWeights makes',
    async (name) => {
      const whole = await load(golden('qwen2'));
      const small = await load(golden('qwen2'), { quantize: name });
      const dtype = ({ nf4: 'nf4', fp4: 'fp4', int8: 'i8', int4: 'i4' } as const)[name];
      const expected = quantizeWeights(whole, { 'model.**.*_proj': { dtype, blockSize: 64 } });
      expect(paths(small).map(([path]) => path)).toEqual(paths(expected).map(([path]) => path));
      for (const [path, leaf] of paths(expected))
        expect(await new Map(paths(small)).get(path)?.data(), path).toEqual(await leaf.data());
      const weight = at(small, 'model.layers.0.mlp.up_proj.weight');
      expect(weight).toBeInstanceOf(name === 'nf4' || name === 'fp4' ? FourBit : Quantized);
      expect(await logits(small)).toEqual(await logits(expected));
    },
  );

  test('a head stays whole, and so does what is not selected', async () => {
    const small = await load(golden('bert-seqcls'), { quantize: 'nf4' });
    expect(at(small, 'bert.encoder.layer.0.output.dense.weight')).toBeInstanceOf(FourBit);
    expect(at(small, 'classifier.weight')).not.toBeInstanceOf(FourBit);
    const some = await load(golden('bert-seqcls'), {
      quantize: { '**.query': { dtype: 'i8', blockSize: 32 } },
    });
    expect(at(some, 'bert.encoder.layer.0.attention.self.query.weight')).toBeInstanceOf(Quantized);
    expect(at(some, 'bert.encoder.layer.0.output.dense.weight')).not.toBeInstanceOf(Quantized);
  });

  test('what cannot be is refused', async () => {
    const spec = { 'transformer.wte': { dtype: 'i8', blockSize: 32 } } as const;
    await expect(load(golden('gpt2-lm'), { quantize: spec })).rejects.toMatchObject({
      code: 'unsupported',
      path: 'transformer.wte.weight',
    });
    const none = { '**.nothing': { dtype: 'i8', blockSize: 32 } } as const;
    await expect(load(golden('gpt2-lm'), { quantize: none })).rejects.toMatchObject({
      code: 'no-match',
    });
  });
});

describe('sizes that no model has are refused before anything is made', () => {
  const bert = { model_type: 'bert', architectures: ['BertModel'] };
  const qwen2 = { model_type: 'qwen2', architectures: ['Qwen2Model'] };
  test.each([
    { ...bert, hidden_size: 1e12 },
    { ...bert, num_hidden_layers: 1e9 },
    { ...qwen2, num_hidden_layers: 1e9 },
    { ...bert, vocab_size: 2 ** 31 },
    { ...bert, num_labels: 1e9 },
    { ...bert, max_position_embeddings: 1e15 },
    { ...bert, intermediate_size: Number.POSITIVE_INFINITY },
    { ...bert, hidden_size: Number.NaN },
    { ...bert, hidden_size: -768 },
    { ...bert, num_hidden_layers: -1 },
    { ...bert, hidden_size: '768' },
    { ...bert, hidden_size: 0.5 },
    { ...bert, num_attention_heads: 0 },
    { model_type: 'gpt2', architectures: ['GPT2Model'], n_layer: 1e9 },
    { model_type: 't5', architectures: ['T5Model'], num_decoder_layers: 1e9 },
    { model_type: 'albert', architectures: ['AlbertModel'], inner_group_num: 1e9 },
    { model_type: 'marian', architectures: ['MarianModel'], encoder_layers: 1e9 },
  ])('%j', (config) => {
    const start = performance.now();
    expect(() => initModel(config, randomKey(0))).toThrow(
      expect.objectContaining({ code: 'invalid-config' }),
    );
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

test('a large checkpoint is saved in parts, and read again', async () => {
  const model = await load(golden('qwen2'));
  const dir = join(folder, 'parts');
  await save(model, dir, { maxShardBytes: 20_000 });
  const files = await readdir(dir);
  expect(files).toContain('model.safetensors.index.json');
  expect(files.filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(1);
  expect(await logits(await load(dir))).toEqual(await logits(model));
});

describe('an output layer of its own', () => {
  const fixture = (name: string): string =>
    fileURLToPath(new URL(`fixtures/models/${name}`, import.meta.url));
  const names = ['bert', 'roberta', 'distilbert', 'albert', 'electra', 'deberta-v2'].map(
    (name) => `${name}-mlm-untied`,
  );
  const others = ['modernbert', 'gpt2', 'opt'].map((name) => `${name}-untied`);
  test.each([...names, ...others, 'bart-untied-lm', 'marian-untied-lm', 'marian-causal-lm'])(
    'is loaded, saved and loaded again: %s',
    async (name) => {
      const model = await load(fixture(name));
      const dir = join(folder, name);
      await save(model, dir);
      const again = await load(dir);
      expect(again.config.tie_word_embeddings).toBe(false);
      expect(await logits(again)).toEqual(await logits(model));
    },
  );

  test('must be in the file', async () => {
    await expect(
      load(golden('bert-mlm'), { config: { tie_word_embeddings: false } }),
    ).rejects.toMatchObject({
      code: 'missing-tensor',
      path: expect.stringContaining('decoder.weight'),
    });
  });
});

test('floats keep their point in a saved config: transformers 5 refuses whole numbers in their place', async () => {
  const dir = join(folder, 'floats');
  const model = await load(golden('llama-tied'), {
    config: { initializer_range: 1, rms_norm_eps: 1e-5 },
  });
  await save(model, dir);
  const text = await readFile(join(dir, 'config.json'), 'utf8');
  expect(text).toContain('"initializer_range": 1.0');
  expect(text).toMatch(/"rope_theta": \d+\.0\b/);
  expect(text).toContain('"rms_norm_eps": 0.00001');
  expect(JSON.parse(text)).toMatchObject({
    initializer_range: 1,
    num_hidden_layers: expect.any(Number),
  });
  expect(text).toMatch(/"num_hidden_layers": \d+,/);
});
