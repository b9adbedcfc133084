import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, loadTokenizer } from '@lorikeet/model-zoo/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);

async function lines(name: string, rows: readonly unknown[]): Promise<string> {
  await writeFile(at(name), rows.map((row) => JSON.stringify(row)).join('\n'));
  return at(name);
}

const size = {
  num_hidden_layers: 1,
  num_attention_heads: 2,
  hidden_size: 16,
  intermediate_size: 16,
};
const sentences = ['the sun brings the day', 'the rain brings the night', 'who brings the sun'];

/** Pretrains a tiny model of a kind. */
async function pretrained(
  name: string,
  config: Readonly<Record<string, unknown>>,
): Promise<string> {
  const texts = await lines(
    'texts.jsonl',
    Array.from({ length: 90 }, (_, i) => ({ text: sentences[i % 3] })),
  );
  const settings = {
    model_config: config,
    data: [texts],
    output: at(name),
    vocabulary: name === 'gpt2' ? 280 : 90,
    ...{
      length: 12,
      steps: 12,
      batch_size: 4,
      evaluation: 4,
      evaluate_every: 6,
      learning_rate: 0.01,
    },
  };
  await writeFile(at(`${name}.json`), JSON.stringify(settings));
  const { code, stdout, stderr } = await lorikeet(
    'pretrain',
    '--config',
    at(`${name}.json`),
    '--json',
  );
  expect(code, stderr).toBe(0);
  const figures = JSON.parse(stdout);
  expect(figures).toMatchObject({ steps: 12, model: at(name) });
  expect(figures.evaluation_loss).toBeLessThan(Math.log(figures.vocabulary));
  return at(name);
}

let bert: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'training-'));
  const positions = { max_position_embeddings: 32 };
  bert = await pretrained('bert', {
    model_type: 'bert',
    architectures: ['BertForMaskedLM'],
    ...size,
    ...positions,
  });
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = [
  '--learning-rate',
  '0.01',
  '--epochs',
  '2',
  '--batch-size',
  '8',
  '--evaluation',
  '6',
  '--json',
];

/** Fine-tunes for a task, and gives the figures. */
async function learnt(
  task: string,
  how: { readonly model?: string; readonly data: string; readonly output: string },
  ...more: readonly string[]
): Promise<Readonly<Record<string, unknown>>> {
  const { model = bert, data, output } = how;
  const args = ['--model', model, '--task', task, '--data', data, '--output', at(output)];
  const { code, stdout, stderr } = await lorikeet('finetune', ...args, ...run, ...more);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe('pretrain', () => {
  test('makes a model and its tokenizer, which are as Hugging Face has them', async () => {
    expect((await load(bert)).config.architectures).toEqual(['BertForMaskedLM']);
    expect((await loadTokenizer(bert)).encode('the sun').ids.length).toBeGreaterThan(3);
  });

  test('teaches a decoder', async () => {
    const sizes = { n_embd: 16, n_layer: 1, n_head: 2, n_positions: 32 };
    const model = await pretrained('gpt2', {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      ...sizes,
    });
    const data = await lines(
      'chat.jsonl',
      Array.from({ length: 20 }, () => ({ prompt: 'who?', completion: 'the sun' })),
    );
    const figures = await learnt('language-modelling', { model, data, output: 'lm' });
    expect(figures.perplexity).toBeLessThan(Number(figures.perplexity_before));
  });

  test('teaches a model with an encoder and a decoder, which then learns pairs', async () => {
    const sizes = { d_model: 16, d_kv: 8, d_ff: 16, num_layers: 1, num_heads: 2 };
    const model = await pretrained('t5', {
      model_type: 't5',
      architectures: ['T5ForConditionalGeneration'],
      ...sizes,
    });
    const data = await lines(
      'pairs.jsonl',
      Array.from({ length: 20 }, () => ({ source: 'sun', target: 'day' })),
    );
    const how = { model, data, output: 'pairs' };
    const figures = await learnt('seq2seq', how, '--method', 'full', '--epochs', '12');
    expect(figures).toMatchObject({ sequence_error: 0, token_error: 0 });
    const judged = await lorikeet(
      'eval',
      '--model',
      at('pairs'),
      '--task',
      'seq2seq',
      '--data',
      data,
      '--json',
    );
    expect(judged.code, judged.stderr).toBe(0);
    expect(JSON.parse(judged.stdout)).toMatchObject({ examples: 20, sequence_error: 0 });
  }, 60_000);
});

describe('finetune', () => {
  test('learns tags', async () => {
    const data = await lines(
      'tags.jsonl',
      Array.from({ length: 30 }, (_, i) => ({
        tokens: ['the', i % 2 ? 'sun' : 'rain'],
        ner_tags: ['O', i % 2 ? 'B-SUN' : 'O'],
      })),
    );
    const how = { data, output: 'tags' };
    const figures = await learnt('tagging', how, '--method', 'full', '--epochs', '6');
    expect(figures).toMatchObject({ classes: ['O', 'B-SUN'], f1: 1, accuracy: 1 });
  });

  test('learns to find answers', async () => {
    const data = await lines(
      'questions.jsonl',
      Array.from({ length: 30 }, (_, i) => {
        const word = i % 2 ? 'sun' : 'rain';
        const context = `the ${word} brings the day`;
        return {
          id: String(i),
          question: 'who brings',
          context,
          answers: { text: [word], answer_start: [4] },
        };
      }),
    );
    const how = { data, output: 'qa' };
    const figures = await learnt('question-answering', how, '--method', 'full', '--epochs', '10');
    expect(figures).toMatchObject({ exact_match: 100, f1: 100 });
  });

  test('takes few examples, of each class as many, and says before what it will do and take', async () => {
    const data = await weather();
    const args = ['--model', bert, '--data', data, '--output', at('few'), '--examples', '8'];
    const { code, stderr } = await lorikeet('finetune', ...args, ...run);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/8 examples to train on, 6 to evaluate on/);
    expect(stderr).toMatch(/memory of a step: about .* MiB/);
    expect(stderr).toMatch(/time: about \d/);
    const tooMany = await lorikeet('finetune', ...args, ...run, '--examples', '500');
    expect(tooMany.stderr).toContain('not so many examples');
  });

  test('is judged again by eval, to the same figures', async () => {
    const data = await weather();
    const args = [
      '--model',
      bert,
      '--data',
      data,
      '--output',
      at('judged'),
      '--evaluation-data',
      data,
    ];
    const made = await lorikeet('finetune', ...args, ...run.slice(0, 6), '--json');
    const judged = await lorikeet(
      'eval',
      '--model',
      bert,
      '--adapter',
      at('judged'),
      '--data',
      data,
      '--json',
    );
    const { accuracy, f1, confusion } = JSON.parse(made.stdout);
    expect(JSON.parse(judged.stdout)).toEqual({ examples: 40, accuracy, f1, confusion });
  });

  test('with one seed gives the same bits', async () => {
    const data = await weather();
    const once = async (name: string): Promise<Buffer> => {
      await lorikeet(
        'finetune',
        '--model',
        bert,
        '--data',
        data,
        '--output',
        at(name),
        '--seed',
        '3',
        ...run,
      );
      return readFile(at(name, 'adapter_model.safetensors'));
    };
    expect(await once('one')).toEqual(await once('two'));
  });
});

describe('settings', () => {
  test('are printed complete, and read again, where flags count more', async () => {
    const given = ['--model', bert, '--data', 'x.jsonl', '--output', 'y', '--rank', '4'];
    const { stdout } = await lorikeet('finetune', ...given, '--print-config');
    await writeFile(at('printed.yaml'), stdout);
    const again = await lorikeet('finetune', '--config', at('printed.yaml'), '--print-config');
    expect(again.stdout).toBe(stdout);
    const other = await lorikeet(
      'finetune',
      '--config',
      at('printed.yaml'),
      '--rank',
      '16',
      '--print-config',
    );
    expect(other.stdout).toBe(stdout.replace('rank: 4', 'rank: 16'));
  });

  test('of a field that is none, or has no such value, are refused', async () => {
    await writeFile(at('wrong.yaml'), 'model: bert\nlearning_rat: 1\n');
    const unknown = await lorikeet('finetune', '--config', at('wrong.yaml'));
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain("did you mean 'learning_rate'");
    await writeFile(at('wrong.yaml'), 'epochs: -1\n');
    expect((await lorikeet('finetune', '--config', at('wrong.yaml'))).stderr).toContain('epochs');
    const missing = await lorikeet('finetune', '--model', bert);
    expect(missing.code).toBe(2);
    expect((await lorikeet('finetune', '--epochs', 'many')).code).toBe(2);
    await writeFile(at('wrong.yaml'), '- a list');
    expect((await lorikeet('finetune', '--config', at('wrong.yaml'))).stderr).toContain(
      'cannot read the settings',
    );
  });

  test.each(['pretrain', 'finetune', 'eval', 'sweep', 'compare'])(
    'of %s have a schema, and each flag an example',
    async (name) => {
      const schema = JSON.parse((await lorikeet(name, '--print-schema')).stdout);
      const { stdout } = await lorikeet(name, '--help');
      for (const [field, { type, examples }] of Object.entries<{
        type?: string;
        examples?: unknown[];
      }>(schema.properties)) {
        if (field === '$schema') continue;
        expect(examples, field).toHaveLength(1);
        expect(stdout).toContain(`--${field.replaceAll('_', '-')}`);
        if (type !== 'boolean')
          expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
            `example: --${field.replaceAll('_', '-')} `,
          );
      }
    },
  );
});

describe('several trainings', () => {
  test('sweep tries all combinations, and runs none twice', async () => {
    const data = await weather();
    const grid = JSON.stringify({ rank: [2, 4], learning_rate: [0.001, 0.01] });
    const args = [
      '--model',
      bert,
      '--data',
      data,
      '--output',
      at('sweep'),
      '--grid',
      grid,
      '--epochs',
      '1',
      '--evaluation',
      '6',
      '--json',
    ];
    const first = await lorikeet('sweep', ...args);
    expect(first.code, first.stderr).toBe(0);
    const [part] = JSON.parse(first.stdout);
    expect(part.groups).toHaveLength(4);
    const second = await lorikeet('sweep', ...args);
    expect(second.stdout).toBe(first.stdout);
    expect(second.stderr).not.toContain('1 of 4');
    expect(await readFile(at('sweep', 'report.html'), 'utf8')).toContain('<svg');
    const wrong = await lorikeet('sweep', ...args.slice(0, -1), '--grid', '{"rnk":[1]}');
    expect(wrong.stderr).toContain("did you mean 'rank'");
  }, 60_000);

  test('compare runs each method with each seed', async () => {
    const data = await weather();
    const methods = 'full,lora,dora,adapters,prefix,ia3,bitfit,head';
    const { code, stdout, stderr } = await lorikeet(
      'compare',
      ...['--model', bert, '--data', data, '--output', at('compare'), '--methods', methods],
      ...['--seeds', '0,1', '--epochs', '1', '--evaluation', '6', '--rank', '2'],
      ...['--method-settings', '{"full":{"learning_rate":0.0005},"ia3":{"rank":null}}'],
    );
    expect(stderr).toContain('method_settings.ia3.rank');
    expect(code).toBe(1);
    const right = await lorikeet(
      'compare',
      ...['--model', bert, '--data', data, '--output', at('compare'), '--methods', methods],
      ...['--seeds', '0,1', '--epochs', '1', '--evaluation', '6', '--json'],
    );
    expect(right.code, right.stderr).toBe(0);
    const [{ groups }] = JSON.parse(right.stdout);
    expect(groups).toHaveLength(8);
    for (const group of groups) expect(group.seeds).toEqual([0, 1]);
    expect(stdout).toBe('');
    expect(await readFile(at('compare', 'table.md'), 'utf8')).toContain('| bitfit |');
  }, 120_000);
});

function weather(): Promise<string> {
  return lines(
    'weather.jsonl',
    Array.from({ length: 40 }, (_, i) => ({
      text: `the ${i % 2 ? 'sun' : 'rain'} brings the day`,
      label: i % 2 ? 'good' : 'bad',
    })),
  );
}
