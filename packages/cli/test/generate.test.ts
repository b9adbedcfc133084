import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { generate, initModel } from '@lorikeet/model-zoo';
import { load, loadTokenizer, save, saveTokenizer } from '@lorikeet/model-zoo/node';
import { type ChatMessage, trainTokenizer } from '@lorikeet/model-zoo/tokenizers';
import { adapt, lora } from '@lorikeet/peft-lora';
import { saveAdapter } from '@lorikeet/peft-lora/node';
import { randomKey, tensor } from '@lorikeet/tensor-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { hubServer } from '../../model-zoo/test/hub/hubServer.ts';
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
      n_positions: 256,
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

describe('generate --chat', () => {
  const template =
    '{% for m in messages %}{{ m.role[0] }}: {{ m.content }};{% endfor %}{% if add_generation_prompt %}a: {% endif %}';
  let talker: string;
  beforeAll(async () => {
    talker = join(folder, 'talker');
    await cp(model, talker, { recursive: true });
    await writeFile(join(talker, 'chat_template.jinja'), template);
  });

  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {};
  afterEach(() => {
    Object.defineProperty(process, 'stdin', stdin);
  });
  const say = async (input: string, ...flags: string[]) => {
    Object.defineProperty(process, 'stdin', { ...stdin, get: () => Readable.from([input]) });
    return await lorikeet('generate', '--model', talker, '--chat', '--ignore-end', ...flags);
  };
  const answers = (
    stdout: string,
  ): readonly { readonly text: string; readonly tokens: number[] }[] =>
    stdout.split('\n').map((line) => JSON.parse(line));

  /** The same by hand. */
  const expected = async (turns: readonly string[], system?: string): Promise<string[]> => {
    const [gpt2, tokenizer] = [await load(talker), await loadTokenizer(talker)];
    const said: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
    const texts: string[] = [];
    for (const content of turns) {
      said.push({ role: 'user', content });
      const prompt = tokenizer.applyChatTemplate(said, { addGenerationPrompt: true });
      const { ids } = tokenizer.encode(prompt, { addSpecialTokens: false });
      const input_ids = tensor(Int32Array.from(ids), [1, ids.length], 'i32');
      const options = { max_new_tokens: 5, eos_token_id: null };
      const { tokens } = await generate(gpt2, { input_ids }, options);
      const text = tokenizer.decode(tokens[0] ?? []);
      said.push({ role: 'assistant', content: text });
      texts.push(text);
    }
    return texts;
  };

  test('answers each line, and knows what was said before', async () => {
    const turns = ['hello parrot', 'hello parrot', 'said the parrot'];
    const { code, stdout, stderr } = await say(`${turns.join('\n')}\n`, '--json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const texts = answers(stdout).map(({ text }) => text);
    expect(texts).toEqual(await expected(turns));
    // The same words, and another answer: it heard the first ones.
    expect(texts[1]).not.toBe(texts[0]);
  });

  test('is told by --system what comes first', async () => {
    const { stdout } = await say('hello', '--json', '--system', 'the parrot');
    expect(answers(stdout).map(({ text }) => text)).toEqual(
      await expected(['hello'], 'the parrot'),
    );
    const { stdout: plain } = await say('hello', '--json');
    expect(answers(plain).map(({ text }) => text)).toEqual(await expected(['hello']));
  });

  test('prints answers as they come, a line each', async () => {
    const { stdout } = await say('hello\nthe parrot');
    const texts = await expected(['hello', 'the parrot']);
    expect(stdout.replaceAll('\n', '')).toBe(texts.join('').replaceAll('\n', ''));
  });

  test('passes over empty lines, and ends where there is nothing', async () => {
    const { stdout } = await say('\n   \r\nhello\n\n', '--json');
    expect(answers(stdout)).toHaveLength(1);
    expect(await say('')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('does not read marks of the tokenizer or of the template in what is said', async () => {
    const turns = ['{{ messages }} {% raw %}', 'é \u{1F99C} \0'];
    const { code, stdout } = await say(turns.join('\n'), '--json');
    expect(code).toBe(0);
    expect(answers(stdout).map(({ text }) => text)).toEqual(await expected(turns));
  });

  test('ends with an error where a talk is longer than the model reads', async () => {
    const { code, stdout, stderr } = await say(`hello\n${'x'.repeat(400)}\nhello`, '--json');
    expect(code).toBe(1);
    expect(stderr).toContain('256');
    // What could be answered was.
    expect(answers(stdout)).toHaveLength(1);
  });

  test.each([
    ['a model without a template', 'model', [], /template/],
    ['a template that refuses', 'refusing', [], /roles must alternate/],
    ['a template that is broken', 'broken', [], /template/],
    ['a prompt beside it', 'talker', ['--prompt', 'x'], /one of --prompt/],
  ])('refuses %s', async (_, name, flags, message) => {
    const dir = join(folder, name);
    if (name === 'refusing' || name === 'broken') {
      await cp(model, dir, { recursive: true });
      const text =
        name === 'broken' ? '{% for m in' : "{{ raise_exception('roles must alternate') }}";
      await writeFile(join(dir, 'chat_template.jinja'), text);
    }
    const { code, stderr, stdout } = await say('hello', '--model', dir, ...flags);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: /);
    expect(stdout).toBe('');
  });

  test('refuses --system without it', async () => {
    const { code, stderr } = await lorikeet(
      ...['generate', '--model', talker, '--prompt', 'x', '--system', 'y'],
    );
    expect(code).toBe(1);
    expect(stderr).toContain('--chat');
  });
});

describe('generate with a model of a hub', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('holds to its generation_config.json, fetched once', async () => {
    const names = await readdir(model);
    const files = await Promise.all(
      names.map(async (name) => [name, await readFile(join(model, name))] as const),
    );
    const hub = await hubServer('lorikeets/parrot', Object.fromEntries(files));
    vi.stubEnv('HF_ENDPOINT', hub.url);
    vi.stubEnv('HF_HUB_CACHE', join(folder, 'cache'));
    try {
      const ask = async () => await answer('--model', 'lorikeets/parrot', '--ignore-end');
      expect((await ask()).tokens).toHaveLength(5);
      const fetched = (): readonly string[] =>
        hub.requests.splice(0).filter((path) => path.endsWith('/generation_config.json'));
      expect(fetched().length).toBeGreaterThan(0);
      expect((await ask()).tokens).toHaveLength(5);
      expect(fetched()).toEqual([]);
      vi.stubEnv('HF_HUB_OFFLINE', '1');
      expect((await ask()).tokens).toHaveLength(5);
    } finally {
      await hub.close();
    }
  });
});
