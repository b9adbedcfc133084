import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initModel, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { Context, combine, partition, paths } from '@lorikeet/nn';
import { exportOnnx } from '@lorikeet/onnx';
import { saveOnnx } from '@lorikeet/onnx/node';
import { adapt, isTrainable, lora, merge } from '@lorikeet/peft-lora';
import {
  add,
  evaluate,
  iota,
  mapTensors,
  mean,
  mul,
  normal,
  randomKey,
  softmax,
  svd,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';

const bert = {
  model_type: 'bert',
  architectures: ['BertForSequenceClassification'],
  vocab_size: 60,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 128,
  num_labels: 3,
};
const gpt2 = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 60,
  n_positions: 128,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
};
const llama = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 60,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
};

type Given = { readonly x: Tensor };

const open = { 0: 'batch', 1: 'sequence' };
const dynamicAxes = { input_ids: open, attention_mask: open };

/** Ids of some rows, of which the last token of the first is padding. */
function inputsOf(batch: number, sequence: number): ModelInputs {
  const size = batch * sequence;
  const ids = Int32Array.from({ length: size }, (_, i) => (i * 37 + 11) % 60);
  const mask = new Int32Array(size).fill(1);
  mask[sequence - 1] = 0;
  return {
    input_ids: tensor(ids, [batch, sequence], 'i32'),
    attention_mask: tensor(mask, [batch, sequence], 'i32'),
  };
}

/** A model with an adapter that changes it. */
async function tunedModel(config: object, targets: string, seed: number): Promise<Model> {
  const base = await evaluate(initModel(config, randomKey(0)));
  const tuned = adapt(base, { [targets]: lora({ rank: 2, alpha: 4 }) });
  const [live, frozen] = partition(tuned, isTrainable);
  let key = seed;
  const drawn = mapTensors(live, ({ shape }) => normal(randomKey(key++), shape));
  return await evaluate(combine(drawn, frozen));
}

async function feedsOf(tree: unknown): Promise<Record<string, RuntimeTensor>> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const [name, leaf] of paths(tree)) {
    const data = await leaf.data();
    feeds[name] =
      data instanceof Int32Array
        ? new RuntimeTensor('int32', data, leaf.shape)
        : new RuntimeTensor('float32', data as Float32Array, leaf.shape);
  }
  return feeds;
}

async function expectLogits(
  session: InferenceSession,
  feeds: Record<string, RuntimeTensor>,
  model: Model,
  inputs: ModelInputs,
): Promise<void> {
  const { logits } = model.call(inputs, Context.evaluation);
  const expected = Array.from(await (logits as Tensor).data());
  const got = (await session.run(feeds)).logits;
  expect(got?.dims).toEqual(logits?.shape);
  const data = got?.data as Float32Array;
  const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  expected.forEach((value, i) => {
    expect(Math.abs((data[i] as number) - value)).toBeLessThan(1e-5 * size);
  });
}

describe.each([
  ['BERT', bert, '**.{query,value}'],
  ['GPT-2', gpt2, '**.c_attn'],
  ['Llama', llama, '**.{q_proj,v_proj}'],
] as const)('%s', (_, config, targets) => {
  test('merged runs in ONNX Runtime alone, at any batch and length', async () => {
    const model = merge(await tunedModel(config, targets, 1));
    const exported = await exportOnnx(model, inputsOf(2, 5), { dynamicAxes, outputs: ['logits'] });
    expect(exported.inputs.map(({ dims }) => dims)).toEqual([
      ['batch', 'sequence'],
      ['batch', 'sequence'],
    ]);
    const session = await InferenceSession.create(await exported.encode());
    for (const inputs of [inputsOf(2, 5), inputsOf(1, 9), inputsOf(3, 2), inputsOf(1, 1)])
      await expectLogits(session, await feedsOf(inputs), model, inputs);
  });

  test('one session serves two adapters that are given as inputs', async () => {
    const [first, second] = [
      await tunedModel(config, targets, 1),
      await tunedModel(config, targets, 100),
    ];
    const inputs = inputsOf(2, 4);
    const exported = await exportOnnx(first, inputs, {
      asInputs: isTrainable,
      outputs: ['logits'],
    });
    expect(exported.inputs.length).toBeGreaterThan(4);
    const session = await InferenceSession.create(await exported.encode());
    const names = new Set(exported.inputs.map(({ name }) => name));
    for (const model of [first, second]) {
      const feeds = { ...(await feedsOf(inputs)), ...(await feedsOf(model)) };
      const asked = Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name)));
      await expectLogits(session, asked, model, inputs);
    }
  });
});

test('weights in a file of their own', async () => {
  const model = await evaluate(initModel(bert, randomKey(3)));
  const inputs = inputsOf(1, 4);
  const exported = await exportOnnx(model, inputs, { outputs: ['logits'] });
  const folder = await mkdtemp(join(tmpdir(), 'lorikeet-onnx-'));
  try {
    const file = join(folder, 'model.onnx');
    const written = await saveOnnx(exported, file, { externalData: true });
    expect(await readdir(folder)).toEqual(['model.onnx', 'model.onnx.data']);
    expect(written).toEqual([file, `${file}.data`]);
    expect((await stat(`${file}.data`)).size).toBe(exported.weightBytes);
    await expectLogits(await InferenceSession.create(file), await feedsOf(inputs), model, inputs);
    expect(await saveOnnx(exported, join(folder, 'one.onnx'))).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a function has its own names', async () => {
  const exported = await exportOnnx(
    ({ x, y }: { x: Tensor; y: Tensor }) => ({ both: add(x, y), parts: [softmax(x)] }),
    { x: tensor([1, 2]), y: tensor([3, 4]) },
  );
  expect(exported.inputs.map(({ name }) => name)).toEqual(['x', 'y']);
  expect(exported.outputs.map(({ name }) => name)).toEqual(['both', 'parts.0']);
});

describe('is refused', () => {
  test('an op without an operator, by its name', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    await expect(exportOnnx((input: Tensor) => svd(input).s, x)).rejects.toMatchObject({
      code: 'unsupported',
      summary: expect.stringContaining('svd'),
    });
  });

  test('a mean over an open side, which would be that of the example', async () => {
    const scaled = (x: Tensor): Tensor => mul(mean(x, 0), 2);
    await expect(
      exportOnnx(
        ({ x }: { x: Tensor }) => scaled(x),
        { x: tensor([1, 2, 3]) },
        {
          dynamicAxes: { x: { 0: 'length' } },
        },
      ),
    ).rejects.toMatchObject({ code: 'unsupported', hint: expect.stringContaining('dynamicAxes') });
  });

  test('an axis that is not there', async () => {
    await expect(
      exportOnnx(
        ({ x }: { x: Tensor }) => add(x, 1),
        { x: tensor([1]) },
        {
          dynamicAxes: { x: { 2: 'length' } },
        },
      ),
    ).rejects.toMatchObject({ code: 'invalid-argument', received: '2' });
  });

  test.each([
    [
      'a clamp of an open side',
      ({ x }: Given) => iota([Math.min(x.size, 110)]),
      ['x'],
      'unsupported',
    ],
    [
      'an output that is called as an input',
      ({ x }: Given) => ({ x: add(x, 1) }),
      ['x'],
      'invalid-argument',
    ],
    ['an input that is not there', ({ x }: Given) => add(x, 1), ['y'], 'no-match'],
  ])('%s', async (_, fn, open, code) => {
    const dynamic = Object.fromEntries(open.map((name) => [name, { 0: 'length' }]));
    await expect(
      exportOnnx(fn, { x: tensor([1, 2]) }, { dynamicAxes: dynamic }),
    ).rejects.toMatchObject({ code });
  });

  test('an output that is not there', async () => {
    await expect(
      exportOnnx(({ x }: Given) => ({ y: add(x, 1) }), { x: tensor([1]) }, { outputs: ['z'] }),
    ).rejects.toMatchObject({ code: 'no-match', expected: 'y', received: 'z' });
  });

  test('more open sides than can be told apart', async () => {
    const axes = { 0: 'a', 1: 'b', 2: 'c', 3: 'd' };
    await expect(
      exportOnnx(
        ({ x }: Given) => add(x, 1),
        { x: zeros([1, 2, 3, 4]) },
        { dynamicAxes: { x: axes } },
      ),
    ).rejects.toMatchObject({ code: 'invalid-argument', received: 'a, b, c, d' });
  });
});
