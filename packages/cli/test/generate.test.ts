import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initModel } from '@lorikeet/model-zoo';
import { save, saveTokenizer } from '@lorikeet/model-zoo/node';
import { trainTokenizer } from '@lorikeet/model-zoo/tokenizers';
import { adapt, lora } from '@lorikeet/peft-lora';
import { saveAdapter } from '@lorikeet/peft-lora/node';
import { randomKey } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorikeet-generate-'));
  model = join(folder, 'model');
  const tokenizer = trainTokenizer(['the parrot said hello to the parrot'], {
    kind: 'byte-level-bpe',
    vocabSize: 270,
  });
  const gpt2 = initModel(
    {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      vocab_size: tokenizer.size,
      n_positions: 64,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      initializer_range: 0.7,
    },
    randomKey(1),
  );
  await save(gpt2, model);
  await saveTokenizer(tokenizer, model);
  await writeFile(join(model, 'generation_config.json'), '{"max_new_tokens": 5}');
  const tuned = adapt(gpt2, { '**.c_attn': lora({ rank: 2 }) }, { key: randomKey(2) });
  await saveAdapter(tuned, join(folder, 'adapter'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const answer = async (...flags: string[]) => {
  const { code, stdout, stderr } = await lorikeet(
    'generate',
    '--model',
    model,
    '--prompt',
    'the parrot',
    '--json',
    ...flags,
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as { readonly text: string; readonly tokens: readonly number[] };
};

describe('generate', () => {
  test('holds to generation_config.json where no flag says otherwise', async () => {
    expect((await answer('--ignore-end')).tokens).toHaveLength(5);
    expect((await answer('--ignore-end', '--max-new-tokens', '3')).tokens).toHaveLength(3);
  });

  test('gives the same for the same seed', async () => {
    const flags = ['--sample', '--top-p', '0.9', '--seed', '4'];
    expect((await answer(...flags)).tokens).toEqual((await answer(...flags)).tokens);
    expect(await answer(...flags)).toMatchObject({ seed: 4 });
  });

  test('searches with beams, and takes adapters', async () => {
    const plain = await answer('--num-beams', '2');
    const tuned = await answer('--num-beams', '2', '--adapter', join(folder, 'adapter'));
    // An adapter that was not trained is the base.
    expect(tuned.tokens).toEqual(plain.tokens);
  });

  test('streams the text that it would print at once', async () => {
    const { text } = await answer();
    const args = ['generate', '--model', model, '--prompt', 'the parrot'];
    const { stdout } = await lorikeet(...args);
    expect(stdout.replaceAll('\n', '')).toBe(text.replaceAll('\n', ''));
  });

  test('wants one thing to go on with', async () => {
    const { code, stderr } = await lorikeet('generate', '--model', model);
    expect(code).toBe(1);
    expect(stderr).toContain('one of --prompt, --prompt-file and --chat');
  });
});
