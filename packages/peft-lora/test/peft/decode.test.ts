import { paths } from '@lorikeet/nn';
import { adapt, decodeAdapter, disable, encodeAdapter, lora, train } from '@lorikeet/peft-lora';
import type { TensorInMemory } from '@lorikeet/tensor-core/safetensors';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectClose, fileOf, ids, numbers, refusal, Small, trainedForm } from '../support.ts';
import { type Files, filesOf, withConfig } from './files.ts';

const model = new Small();
let tuned: Small;
let files: Files;

beforeAll(async () => {
  tuned = await trainedForm(
    adapt(model, {
      '**.query': lora({ rank: 2, alpha: 3, bias: 'lora_only' }),
      words: lora({ rank: 2, alpha: 3, bias: 'lora_only' }),
      classifier: train(),
    }),
  );
  files = await filesOf(tuned);
});

async function decode(
  config: Readonly<Record<string, unknown>> = {},
  change: (entries: Map<string, TensorInMemory>) => void = () => {},
): Promise<Small> {
  const entries = new Map(files.entries);
  change(entries);
  return decodeAdapter(model, await withConfig({ config: files.config, entries }, config));
}

const prefix = 'base_model.model.';
const keyOfA = `${prefix}encoder.layer.0.query.lora_A.weight`;

test('what was encoded is decoded: the same tensors and outputs', async () => {
  const loaded = await decode();
  const before = encodeAdapter(tuned).tensors;
  for (const [key, leaf] of encodeAdapter(loaded).tensors)
    expect(await numbers(leaf)).toEqual(await numbers(before.get(key) ?? leaf));
  await expectClose(loaded.call(ids), tuned.call(ids), 0);
  expect(encodeAdapter(loaded).config).toEqual(encodeAdapter(tuned).config);
});

test('the base keeps its tensors', async () => {
  const back = paths(disable(await decode()));
  for (const [i, [, leaf]] of paths(model).entries()) expect(back[i]?.[1]).toBe(leaf);
});

test('keys are those of PEFT', () => {
  expect([...files.entries.keys()].map((key) => key.slice(prefix.length)).sort()).toEqual([
    'classifier.bias',
    'classifier.weight',
    'encoder.layer.0.query.base_layer.bias',
    'encoder.layer.0.query.lora_A.weight',
    'encoder.layer.0.query.lora_B.weight',
    'encoder.layer.1.query.base_layer.bias',
    'encoder.layer.1.query.lora_A.weight',
    'encoder.layer.1.query.lora_B.weight',
    'words.lora_embedding_A',
    'words.lora_embedding_B',
  ]);
});

describe('the tensors', () => {
  test('may come without the prefix, as from inject_adapter_in_model', async () => {
    const loaded = await decode({}, (entries) => {
      for (const [key, entry] of [...entries]) {
        entries.delete(key);
        entries.set(key.slice(prefix.length), entry);
      }
    });
    await expectClose(loaded.call(ids), tuned.call(ids), 0);
  });

  test('may come in f16 and bf16, and are read as f32', async () => {
    for (const dtype of ['F16', 'BF16'] as const) {
      const loaded = await decode({}, (entries) => {
        for (const [key, entry] of entries) entries.set(key, { ...entry, dtype });
      });
      await expectClose(loaded.call(ids), tuned.call(ids), 0.05);
      for (const leaf of encodeAdapter(loaded).tensors.values()) expect(leaf.dtype).toBe('f32');
    }
  });

  test('of old releases, with biases outside of the wrapper, are found', async () => {
    const loaded = await decode({}, (entries) => {
      for (const [key, entry] of [...entries]) {
        entries.delete(key);
        entries.set(key.replace('base_layer.', ''), entry);
      }
    });
    await expectClose(loaded.call(ids), tuned.call(ids), 0);
  });

  test('that PEFT repeats under the names of its wrapper are passed over', async () => {
    await decode({}, (entries) => {
      for (const part of ['modules_to_save', 'original_module']) {
        const entry = entries.get(`${prefix}classifier.bias`);
        if (entry !== undefined) entries.set(`${prefix}classifier.${part}.bias`, entry);
      }
    });
  });

  test('that repeat the table of the base are compared with it', async () => {
    const table = new Float32Array(await numbers(model.words.weight as never));
    const withTable =
      (data: Float32Array) =>
      (entries: Map<string, TensorInMemory>): void => {
        const key = `${prefix}words.base_layer.weight`;
        entries.set(key, { dtype: 'F32', shape: [7, 6], data });
      };
    await decode({}, withTable(table));
    await expect(decode({}, withTable(table.map((value) => value + 1)))).rejects.toThrow(
      refusal('unexpected-tensor', 'a weight of the base model with other values'),
    );
  });

  test('that are missing are named', async () => {
    await expect(decode({}, (entries) => entries.delete(keyOfA))).rejects.toThrow(
      refusal('missing-tensor', 'encoder.layer.0.query.lora_A.weight'),
    );
  });

  test('that are too many are named, with the nearest keys', async () => {
    const add = (entries: Map<string, TensorInMemory>): void => {
      const entry = entries.get(keyOfA);
      if (entry !== undefined) entries.set(keyOfA.replace('query', 'qurey'), entry);
    };
    await expect(decode({}, add)).rejects.toThrow(
      refusal('unexpected-tensor', 'encoder.layer.0.qurey.lora_A.weight'),
    );
    await expect(decode({}, add)).rejects.toThrow(
      refusal('unexpected-tensor', "did you mean 'encoder.layer.0.query.lora_A.weight'"),
    );
  });

  test('of another shape are refused', async () => {
    await expect(decode({ r: 3 })).rejects.toThrow(
      refusal('shape-mismatch', 'expected: [3,7]\n  received: [2,7]'),
    );
  });

  test('of an absurd rank are refused before anything is made', async () => {
    const before = process.memoryUsage();
    for (const r of [1e9, 2 ** 53 - 1])
      await expect(decode({ r })).rejects.toThrow(refusal('shape-mismatch'));
    const after = process.memoryUsage();
    expect(after.arrayBuffers + after.heapUsed).toBeLessThan(
      before.arrayBuffers + before.heapUsed + 2e8,
    );
  });
});

describe('a name that is taken or unfit', () => {
  test('is refused', async () => {
    const adapter = await withConfig(files);
    await expect(decodeAdapter(tuned, adapter)).rejects.toThrow(
      refusal('invalid-argument', 'already'),
    );
    await expect(decodeAdapter(model, adapter, { name: '../x' })).rejects.toThrow(
      refusal('invalid-argument'),
    );
    expect(await decodeAdapter(tuned, adapter, { name: 'second' })).toBeInstanceOf(Small);
  });
});

describe('options of PEFT', () => {
  test.each([
    ['init_lora_weights', 'loftq'],
    ['init_lora_weights', 'pissa_niter_x'],
    ['qalora_group_size', 32],
    ['an_option_of_tomorrow', 1],
  ])('that are active and not built are refused: %s %j', async (key, value) => {
    await expect(decode({ [key]: value })).rejects.toThrow(
      refusal('unsupported', `lora with ${key} ${JSON.stringify(value)}`),
    );
  });

  test('that change nothing are kept for the next save', async () => {
    const extra = {
      auto_mapping: { base_model_class: 'Small' },
      base_model_name_or_path: 'small',
      peft_version: '0.9.0',
      an_option_of_tomorrow: null,
      another: false,
      loftq_config: {},
    };
    expect(encodeAdapter(await decode(extra)).config).toMatchObject(extra);
  });

  test('that are not there have their defaults', async () => {
    const loaded = await decodeAdapter(model, {
      config: {
        peft_type: 'LORA',
        target_modules: ['query'],
        r: 2,
      },
      tensors: await fileOf([...files.entries].filter(([key]) => key.includes('.query.lora'))),
    });
    expect(encodeAdapter(loaded).config).toMatchObject({ r: 2, lora_alpha: 8, bias: 'none' });
  });

  test('fan_in_fan_out is not relied on: the model knows how it stores its weights', async () => {
    const stored = await filesOf(adapt(model, { '**.{query,mlp}': lora() }));
    expect(stored.config.fan_in_fan_out).toBe(true);
    const adapter = await withConfig(stored, { fan_in_fan_out: false });
    expect(await decodeAdapter(model, adapter)).toBeInstanceOf(Small);
  });

  test.each([
    ['peft_type', undefined],
    ['peft_type', 7],
    ['r', 0],
    ['r', -1],
    ['r', 1.5],
    ['r', '8'],
    ['lora_alpha', 'many'],
    ['lora_dropout', 1],
    ['lora_dropout', -0.5],
    ['bias', 'some'],
    ['target_modules', 7],
    ['target_modules', ['query', 7]],
    ['layers_to_transform', -1],
    ['modules_to_save', 'classifier'],
    ['rank_pattern', { query: 0 }],
    ['rank_pattern', { '(': 2 }],
    ['fan_in_fan_out', 'yes'],
  ])('that are not valid are refused: %s %j', async (key, value) => {
    await expect(decode({ [key]: value })).rejects.toThrow(refusal('invalid-config'));
  });
});

test('a method that is not built is refused, with those that are', async () => {
  await expect(decode({ peft_type: 'NOT_A_METHOD' })).rejects.toThrow(
    refusal('unsupported', 'the PEFT method "NOT_A_METHOD"\n  expected: '),
  );
  for (const peft_type of ['constructor', 'toString', 'lora'])
    await expect(decode({ peft_type })).rejects.toThrow(refusal('unsupported'));
});

test('a variant from elsewhere is found by its type', async () => {
  const { variant } = lora();
  const peft = { type: 'MINE', keys: () => ({ A: 'mine_A', B: 'mine_B' }) };
  const mine = { ...variant, name: 'mine', peft } as unknown as ReturnType<typeof lora>['variant'];
  const plugged = adapt(model, { '**.query': { ...lora({ rank: 2 }), variant: mine } });
  const { config, entries } = await filesOf(plugged);
  expect([...entries.keys()][0]).toBe(`${prefix}encoder.layer.0.query.mine_A`);
  // Keys that not every method of PEFT has are written only where they say something.
  for (const key of ['bias', 'fan_in_fan_out', 'layers_pattern'])
    expect(config).not.toHaveProperty(key);
  const adapter = await withConfig({ config, entries });
  await expect(decodeAdapter(model, adapter)).rejects.toThrow(refusal('unsupported', '"MINE"'));
  const loaded = await decodeAdapter(model, adapter, { variants: [mine as never] });
  expect(encodeAdapter(loaded).config.peft_type).toBe('MINE');
});

describe('a config that is', () => {
  const none = { entries: new Map(), name: 'adapter', readAs: () => Promise.reject(new Error()) };
  test.each([
    ['null', null],
    ['an array', []],
    ['a text', 'LORA'],
    ['nothing', undefined],
    ['made to change objects', JSON.parse('{"peft_type":"LORA","__proto__":{"r":4}}')],
    [
      'made to change objects deep inside',
      JSON.parse('{"peft_type":"LORA","rank_pattern":{"__proto__":{"a":4}}}'),
    ],
  ])('%s is refused', async (_, config) => {
    await expect(decodeAdapter(model, { config, tensors: none })).rejects.toThrow(
      refusal('invalid-config'),
    );
    expect(Object.hasOwn(Object.prototype, 'r')).toBe(false);
  });

  test('nested without end is refused', async () => {
    const config = JSON.parse(`{"peft_type":"LORA","x":${'['.repeat(5000)}${']'.repeat(5000)}}`);
    await expect(decodeAdapter(model, { config, tensors: none })).rejects.toThrow(
      refusal('invalid-config', 'nested'),
    );
  });
});
