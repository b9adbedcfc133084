import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initModel } from '@lorikeet/model-zoo';
import { load, save } from '@lorikeet/model-zoo/node';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { randomKey } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'sun', 'rain', 'the', 'day', 'brings'];

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'finetune-'));
  model = join(folder, 'model');
  const config = {
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    vocab_size: words.length,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    max_position_embeddings: 16,
    num_labels: 2,
    initializer_range: 0.3,
  };
  await save(initModel(config, randomKey(1)), model);
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      unk_token: '[UNK]',
    },
  };
  await writeFile(join(model, 'tokenizer.json'), JSON.stringify(tokenizer));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function dataFile(name: string, rows: readonly unknown[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(
    path,
    rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'),
  );
  return path;
}

describe('finetune', () => {
  test('learns, saves an adapter in the format of PEFT, and prints the figures', async () => {
    const rows = Array.from({ length: 96 }, (_, i) =>
      i % 2 === 0
        ? { text: 'the sun brings the day', label: 'good' }
        : { text: 'the rain brings the day', label: 'bad' },
    );
    const data = await dataFile('weather.jsonl', rows);
    const output = join(folder, 'adapter');
    const args = [
      '--model',
      model,
      '--data',
      data,
      '--output',
      output,
      '--evaluation',
      '16',
      '--epochs',
      '6',
      '--learning-rate',
      '0.02',
      '--rank',
      '2',
      '--json',
    ];
    const { code, stdout, stderr } = await lorikeet('finetune', ...args);
    expect(stderr).toContain('parameters train');
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trim())).toMatchObject({
      adapter: output,
      classes: ['bad', 'good'],
      steps: 30,
      accuracy: 1,
    });
    expect(await loadAdapter(await load(model), output)).toBeDefined();
  });

  test('accumulates, keeps its state, and writes a log and a report', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      text: i % 2 === 0 ? 'the sun brings the day' : 'the rain brings the day',
      label: i % 2,
    }));
    const data = await dataFile('kept.jsonl', rows);
    const [log, report] = [join(folder, 'kept', 'log.jsonl'), join(folder, 'report.html')];
    const run = (output: string) =>
      lorikeet(
        'finetune',
        ...['--model', model, '--data', data, '--output', join(folder, output), '--json'],
        ...['--evaluation', '8', '--epochs', '2', '--batch-size', '4', '--accumulate', '3'],
        ...['--clip', '1', '--checkpoints', join(folder, 'kept'), '--checkpoint-every', '2'],
        ...['--log', log, '--report', report],
      );
    const { code, stdout } = await run('kept-adapter');
    expect(code).toBe(0);
    // 32 texts: 8 batches, which are 3 steps.
    expect(JSON.parse(stdout)).toMatchObject({ steps: 6 });
    const lines = (await readFile(log, 'utf8')).trim().split('\n');
    const types = lines.map((line) => JSON.parse(line).type);
    expect(types.filter((type) => type === 'step')).toHaveLength(6);
    expect(types.filter((type) => type === 'evaluation')).toHaveLength(2);
    expect((await readFile(report, 'utf8')).match(/<svg/g)).toHaveLength(4);

    const again = await run('again-adapter');
    const { adapter: _, total_s: __, accuracy_before: ___, ...figures } = JSON.parse(stdout);
    expect(JSON.parse(again.stdout)).toMatchObject(figures);
    const file = 'adapter_model.safetensors';
    expect(await readFile(join(folder, 'again-adapter', file))).toEqual(
      await readFile(join(folder, 'kept-adapter', file)),
    );
  });

  test.each([
    ['oft', '{"blockSize":4}'],
    ['adalora', '{"targetRank":1,"initRank":2,"totalSteps":9}'],
    ['ia3', '{}'],
  ])('adapts by %s', async (name, options) => {
    const rows = Array.from({ length: 24 }, (_, i) => ({
      text: i % 2 === 0 ? 'the sun brings the day' : 'the rain brings the day',
      label: i % 2,
    }));
    const data = await dataFile('method.jsonl', rows);
    const output = join(folder, `by-${name}`);
    const { code, stderr } = await lorikeet(
      'finetune',
      ...['--model', model, '--data', data, '--output', output, '--evaluation', '6'],
      ...['--method', name, '--options', options, '--batch-size', '6'],
    );
    expect(stderr).toContain('parameters train');
    expect(code).toBe(0);
    const config = JSON.parse(await readFile(join(output, 'adapter_config.json'), 'utf8'));
    expect(config.peft_type).toBe(name.toUpperCase());
  });

  test('refuses a method that is none, and an option that the method has not', async () => {
    const data = await dataFile('some.jsonl', [
      { text: 'sun', label: 0 },
      { text: 'rain', label: 1 },
      { text: 'the rain', label: 1 },
    ]);
    const run = (...more: readonly string[]) =>
      lorikeet(
        'finetune',
        ...['--model', model, '--data', data, '--output', join(folder, 'never')],
        ...['--evaluation', '1', ...more],
      );
    expect((await run('--method', 'lorra')).stderr).toContain("no method 'lorra'");
    const wrong = await run('--method', 'ia3', '--rank', '4');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('rank');
  });

  test.each([
    ['no JSON', ['{"text": "the sun"'], /weather-bad\.jsonl:1/],
    [
      'a row without a label',
      [{ text: 'sun', label: 'a' }, { text: 'rain' }],
      /weather-bad\.jsonl:2[\s\S]*label/,
    ],
    [
      'an empty text',
      [
        { text: '', label: 'a' },
        { text: 'rain', label: 'b' },
      ],
      /weather-bad\.jsonl:1/,
    ],
    ['one class only', [{ text: 'sun', label: 'a' }], /two classes/],
    ['no rows', [], /two classes/],
  ])('refuses a data set with %s', async (_, rows, message) => {
    const data = await dataFile('weather-bad.jsonl', rows);
    const { code, stderr } = await lorikeet(
      'finetune',
      '--model',
      model,
      '--data',
      data,
      '--output',
      join(folder, 'never'),
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  test('refuses to hold out everything', async () => {
    const data = await dataFile('few.jsonl', [
      { text: 'sun', label: 0 },
      { text: 'rain', label: 1 },
    ]);
    const { code, stderr } = await lorikeet(
      'finetune',
      '--model',
      model,
      '--data',
      data,
      '--output',
      join(folder, 'never'),
    );
    expect(code).toBe(1);
    expect(stderr).toContain('leaves nothing to train on');
  });

  test('refuses more classes than the model tells apart', async () => {
    const data = await dataFile(
      'many.jsonl',
      ['a', 'b', 'c'].map((label) => ({ text: 'sun', label })),
    );
    const { code, stderr } = await lorikeet(
      'finetune',
      '--model',
      model,
      '--data',
      data,
      '--output',
      join(folder, 'never'),
      '--evaluation',
      '1',
    );
    expect(code).toBe(1);
    expect(stderr).toContain('the model tells 2 classes apart');
  });
});
