import { readFileSync } from 'node:fs';
import { Embedding, Linear, materialize } from '@lorikeet/nn';
import {
  adapt,
  decodeAdapter,
  disable,
  encodeAdapter,
  lora,
  setAdapterWeights,
  train,
} from '@lorikeet/peft-lora';
import { ones, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, refusal, Small, trainedForm } from '../support.ts';
import { filesOf, withConfig } from './files.ts';
import { goldenPath } from './goldenModel.ts';

const model = new Small();

/** The adapter after it was written and read. */
async function again<T>(base: T, tuned: T): Promise<T> {
  return decodeAdapter(base, await withConfig(await filesOf(tuned)));
}

describe('the config', () => {
  const { config } = encodeAdapter(adapt(model, { '**.query': lora({ rank: 2 }) }), {
    taskType: 'SEQ_CLS',
    baseModel: 'small',
  });

  test('has every key that PEFT writes, in order', () => {
    const path = goldenPath('adapters', 'bert-seqcls', 'lora-qv', 'adapter_config.json');
    expect(Object.keys(config)).toEqual(Object.keys(JSON.parse(readFileSync(path, 'utf8'))));
  });

  test('names the modules by their full paths, and what was said of the model', () => {
    expect(config).toMatchObject({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 8,
      target_modules: ['encoder.layer.0.query', 'encoder.layer.1.query'],
      modules_to_save: null,
      bias: 'none',
      task_type: 'SEQ_CLS',
      base_model_name_or_path: 'small',
      inference_mode: true,
      fan_in_fan_out: false,
    });
  });

  test('keeps the words in which it was loaded as long as they say the same', async () => {
    const files = await filesOf(adapt(model, { '**.query': lora() }));
    const loaded = await decodeAdapter(
      model,
      await withConfig(files, { target_modules: ['query'] }),
    );
    expect(encodeAdapter(loaded).config.target_modules).toEqual(['query']);
    expect(encodeAdapter({ a: loaded, b: model }).config.target_modules).toEqual([
      'a.encoder.layer.0.query',
      'a.encoder.layer.1.query',
    ]);
  });
});

describe('where paths alone would select too much', () => {
  const layer = (): Linear => new Linear(ones([3, 3]), null);
  const nested = { query: layer(), part: { query: layer() } };

  test('the targets are a regular expression', async () => {
    const tuned = await trainedForm(adapt(nested, { query: lora() }));
    expect(encodeAdapter(tuned).config.target_modules).toBe('query');
    expect(disable(await again(nested, tuned)).part.query).toBe(nested.part.query);
  });

  test('patterns are tied to the start', async () => {
    const tuned = adapt(nested, { query: lora({ rank: 1 }), 'part.query': lora({ rank: 2 }) });
    const { rank_pattern: ranks, r } = encodeAdapter(tuned).config;
    expect([r, ranks]).toEqual([1, { 'part\\.query': 2 }]);
    const reverse = adapt(nested, { 'part.query': lora({ rank: 2 }), query: lora({ rank: 1 }) });
    expect(await again(nested, tuned)).toBeDefined();
    expect(await again(nested, reverse)).toBeDefined();
    const third = { key: layer(), ...nested };
    const three = adapt(third, {
      key: lora({ rank: 3 }),
      query: lora({ rank: 1 }),
      'part.*': lora({ rank: 2 }),
    });
    expect(await again(third, three)).toBeDefined();
    expect(encodeAdapter(three).config.rank_pattern).toHaveProperty('^query');
  });
});

describe('several methods in one adapter', () => {
  test('are written with patterns if only rank and alpha differ', async () => {
    const tuned = await trainedForm(
      adapt(model, {
        '**.query': lora({ rank: 2, alpha: 3 }),
        '**.value': lora({ rank: 4, alpha: 3 }),
        words: lora({ rank: 2, rankPattern: { words: 5 }, alpha: 1 }),
      }),
    );
    expect(encodeAdapter(tuned).config).toMatchObject({
      r: 2,
      lora_alpha: 1,
      rank_pattern: {
        words: 5,
        'encoder\\.layer\\.0\\.value': 4,
        'encoder\\.layer\\.1\\.value': 4,
      },
    });
    await expectClose((await again(model, tuned)).call(ids), tuned.call(ids), 0);
  });

  test('are refused if more differs', () => {
    const tuned = adapt(model, { '**.query': lora(), '**.value': lora({ dropout: 0.5 }) });
    expect(() => encodeAdapter(tuned)).toThrow(
      refusal(
        'unsupported',
        'one dropout for the whole adapter\n  at:       encoder.layer.0.value',
      ),
    );
  });
});

describe('trained parts', () => {
  test('are saved whole, each module once', async () => {
    const tuned = await trainedForm(
      adapt(model, { '**.query': lora(), '**.norm': train(), classifier: train() }),
    );
    expect(encodeAdapter(tuned).config.modules_to_save).toEqual([
      'classifier',
      'encoder.layer.0.norm',
      'encoder.layer.1.norm',
    ]);
    await expectClose((await again(model, tuned)).call(ids), tuned.call(ids), 0);
  });

  test.each(['lora_only', 'all'] as const)('that are biases are found again: %s', async (bias) => {
    const tuned = await trainedForm(
      adapt(model, { '**.query': lora({ bias, loraBias: true }), classifier: train() }),
    );
    const keys = [...encodeAdapter(tuned).tensors.keys()];
    expect(encodeAdapter(tuned).config.bias).toBe(bias);
    expect(keys).toContain('base_model.model.encoder.layer.0.query.base_layer.bias');
    expect(keys).toContain('base_model.model.encoder.layer.0.query.lora_B.bias');
    expect(keys.includes('base_model.model.encoder.layer.0.norm.bias')).toBe(bias === 'all');
    await expectClose((await again(model, tuned)).call(ids), tuned.call(ids), 0);
  });

  test('of a model that is a part of another now keep their places', async () => {
    const tuned = adapt(model, { '**.query': lora(), classifier: train() });
    const { config, tensors } = encodeAdapter({ whole: tuned });
    expect(config.modules_to_save).toEqual(['whole.classifier']);
    expect([...tensors.keys()]).toContain('base_model.model.whole.classifier.weight');
    expect(await again({ whole: model }, { whole: tuned })).toBeDefined();
  });

  test('count as biases by PEFT’s rule, whatever their module', async () => {
    const base = {
      query: new Linear(ones([2, 2]), null),
      relative_bias: new Embedding(ones([3, 2])),
    };
    const tuned = adapt(base, { query: lora({ bias: 'all' }) });
    expect([...encodeAdapter(tuned).tensors.keys()]).toContain(
      'base_model.model.relative_bias.weight',
    );
    expect(materialize((await again(base, tuned)).relative_bias.weight).shape).toEqual([3, 2]);
  });
});

describe('what PEFT cannot express is refused', () => {
  const method = lora();
  const own = (changes: object) =>
    ({ ...method, variant: { ...method.variant, ...changes } }) as unknown as typeof method;

  test.each([
    [
      'a share',
      () => setAdapterWeights(adapt(model, { '**.query': lora() }), { default: 0.5 }),
      '0.5',
    ],
    ['no adapted weight', () => adapt(model, { classifier: train() }), 'adapts no weight'],
    [
      'a single tensor',
      () => {
        const base = { query: new Linear(ones([2, 2]), null), scale: zeros([2]) };
        return adapt(base, { query: lora(), scale: train() });
      },
      'whole modules',
    ],
    [
      'a method that PEFT does not have',
      () => adapt(model, { '**.query': own({ name: 'mine', peft: undefined }) }),
      "the method 'mine'",
    ],
    [
      'two methods',
      () => adapt(model, { '**.query': lora(), '**.value': own({ name: 'mine' }) }),
      "'lora' and 'mine'",
    ],
    [
      'biases of some modules',
      () => adapt(model, { '**.query': lora({ bias: 'lora_only' }), '**.value': lora() }),
      'just these trained biases',
    ],
  ])('%s', (_, make, text) => {
    expect(() => encodeAdapter(make())).toThrow(refusal('unsupported', text));
  });

  test('an option that PEFT does not have', () => {
    const { schema } = method.variant;
    const shape = { ...schema.shape };
    const tuned = adapt(model, {
      '**.query': { ...method, config: { ...method.config, novelty: 3 } },
    });
    expect(Object.keys(shape)).not.toContain('novelty');
    expect(() => encodeAdapter(tuned)).toThrow(refusal('unsupported', "the option 'novelty'"));
  });
});

test('an adapter that is not there is refused', () => {
  const tuned = adapt(model, { '**.query': lora() }, { name: 'spam' });
  expect(() => encodeAdapter(tuned)).toThrow(
    refusal('no-match', "no adapter 'default'\n  expected: spam"),
  );
  expect(() => encodeAdapter(model)).toThrow(refusal('no-match', 'adapt the model first'));
  expect(encodeAdapter(tuned, { name: 'spam' }).tensors.size).toBe(4);
});
