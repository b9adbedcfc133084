import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@lorikeet/model-zoo/node';
import { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const fixtures = fileURLToPath(new URL('../fixtures/tokenizers/', import.meta.url));
const read = async (path: string): Promise<unknown> =>
  JSON.parse(await readFile(`${fixtures}${path}`, 'utf8'));

const bert = await loadTokenizer(`${fixtures}bert`);
const gpt2 = await loadTokenizer(`${fixtures}gpt2`);
const llama2 = await loadTokenizer(`${fixtures}llama2`);
const llama3 = await loadTokenizer(`${fixtures}llama3`);
const sentence = 'Zürich isn’t naïve: 東京 and 서울, 👩‍👧 😀! \ufeffdone';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokenizers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('special tokens are known by their meaning', () => {
  expect(bert.special).toEqual({ unk: 1, sep: 3, pad: 0, cls: 2, mask: 4 });
  expect(gpt2.special).toEqual({ bos: 0, eos: 0, unk: 0 });
  expect(bert.idOf('[MASK]')).toBe(4);
  expect(bert.tokenOf(4)).toBe('[MASK]');
  expect(bert.size).toBe(319);
});

test('offsets cut a text into its words', () => {
  const text = 'The quick brown fox.';
  const { offsets, words } = bert.encode(text);
  const places = offsets.flatMap(([start, end], i) => (words[i] === null ? [] : [[start, end]]));
  expect(places.map(([start, end]) => text.slice(start, end)).join('')).toBe('Thequickbrownfox.');
});

interface Shortened {
  readonly text: string;
  readonly pair: string;
  readonly truncation: 'longest_first' | 'only_first' | 'only_second';
  readonly maxLength: number;
  readonly ids: readonly number[] | null;
}

describe('texts are made as short as tokenizers in Rust makes them', async () => {
  const cases = JSON.parse(
    await readFile(`${fixtures}bert/truncated.json`, 'utf8'),
  ) as readonly Shortened[];
  test.each(cases)('$truncation to $maxLength: $text', ({ text, ids, ...options }) => {
    if (ids === null)
      expect(() => bert.encode(text, options)).toThrow(/cannot be made as short as asked/);
    else expect(bert.encode(text, options).ids).toEqual(ids);
  });
});

test('words that are not cut are known, or not', () => {
  const model = { type: 'WordLevel', vocab: { '[UNK]': 0, the: 1, fox: 2 }, unk_token: '[UNK]' };
  const tokenizer = new Tokenizer({ model, pre_tokenizer: { type: 'Whitespace' } });
  expect(tokenizer.encode('the red fox').ids).toEqual([1, 0, 2]);
  expect(tokenizer.encode('the red fox').offsets).toEqual([
    [0, 3],
    [4, 7],
    [8, 11],
  ]);
});

test('a text too long is cut on the side that the config says', async () => {
  const config = { truncation_side: 'left', cls_token: '[CLS]' };
  const left = new Tokenizer(bert.json, config);
  const whole = bert.encode('the quick brown fox').ids;
  expect(left.encode('the quick brown fox', { maxLength: 5 }).ids).toEqual([
    whole[0],
    ...whole.slice(-4),
  ]);
});

test('windows share tokens and cover the whole text', () => {
  const question = 'Who wrote the report?';
  const text = 'The report was written by the committee in Zürich. '.repeat(4);
  const whole = bert.encode(question, { pair: text });
  const windows = bert.encodeWindows(question, { pair: text, maxLength: 28, stride: 5 });
  const ofText = ({ ids, sequences }: typeof whole): readonly number[] =>
    ids.filter((_, i) => sequences[i] === 1);
  expect(windows.length).toBeGreaterThan(2);
  for (const { ids, sequences } of windows) {
    expect(ids.length).toBeLessThanOrEqual(28);
    expect(sequences.filter((i) => i === 0)).toHaveLength(
      whole.sequences.filter((i) => i === 0).length,
    );
  }
  const joined = windows.flatMap((window, i) => ofText(window).slice(i === 0 ? 0 : 5));
  expect(joined).toEqual(ofText(whole));
  // Places are those in the whole text.
  const last = windows.at(-1);
  expect(last?.offsets.at(-2)).toEqual(whole.offsets.at(-2));
  expect(() => bert.encodeWindows(question, { pair: text, maxLength: 18, stride: 12 })).toThrow(
    /no window/,
  );
});

test('a batch is padded on either side', async () => {
  const right = bert.encodeBatch(['a', ['the fox', 'a dog']]);
  const [short, long] = [bert.encode('a'), bert.encode('the fox', { pair: 'a dog' })];
  const padding = new Array<number>(long.ids.length - short.ids.length).fill(0);
  expect(right.input_ids.shape).toEqual([2, long.ids.length]);
  expect([...(await right.input_ids.data())]).toEqual([...short.ids, ...padding, ...long.ids]);
  expect([...(await right.attention_mask.data())]).toEqual([
    ...short.ids.map(() => 1),
    ...padding,
    ...long.ids.map(() => 1),
  ]);
  expect([...((await right.token_type_ids?.data()) ?? [])].slice(long.ids.length)).toEqual(
    long.types,
  );
  const left = bert.encodeBatch(['a', 'the fox'], { side: 'left', multipleOf: 8 });
  expect(left.input_ids.shape).toEqual([2, 8]);
  expect([...(await left.input_ids.data())].slice(0, 8)).toEqual([0, 0, 0, 0, 0, ...short.ids]);
  expect(gpt2.encodeBatch(['a']).token_type_ids).toBeUndefined();
  expect(() => bert.encodeBatch(['the fox'], { length: 3 })).toThrow(/do not fit/);
  expect(() => bert.encodeBatch([])).toThrow(/do not fit/);
});

describe('text that streams', () => {
  test.each([
    ['bert', bert],
    ['gpt2', gpt2],
    ['llama2', llama2],
    ['llama3', llama3],
  ])('is the text at once, and never half a character, with %s', (_, tokenizer) => {
    const { ids } = tokenizer.encode(sentence);
    const stream = tokenizer.decodeStream();
    const parts = ids.map((id) => stream.push(id));
    for (const part of parts) expect(part).not.toContain('\ufffd');
    expect(parts.join('') + stream.end()).toBe(tokenizer.decode(ids));
  });

  test('ends with what was incomplete', () => {
    const [first = 0] = gpt2.encode('東').ids;
    const stream = gpt2.decodeStream();
    expect(stream.push(first)).toBe('');
    expect(stream.end()).toBe('\ufffd');
  });
});

describe('a conversation', async () => {
  const chat = (await read('llama3/chat.json')) as {
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly text: string;
    readonly prompt: string;
    readonly generation: string;
    readonly ids: readonly number[];
    readonly assistant: readonly number[];
  };

  test('becomes the text that transformers makes', () => {
    expect(llama3.applyChatTemplate(chat.messages)).toBe(chat.text);
    const prompt = llama3.applyChatTemplate(chat.messages.slice(0, 3), {
      addGenerationPrompt: true,
    });
    expect(prompt).toBe(chat.prompt);
  });

  test('tells what the assistant says, as transformers does', () => {
    const { encoding, isSpoken } = llama3.encodeChat(chat.messages, { template: chat.generation });
    expect(encoding.ids).toEqual(chat.ids);
    expect(isSpoken.map(Number)).toEqual(chat.assistant);
  });

  test('tells it without the tags too, to the end of each message', () => {
    const { text, encoding, isSpoken } = llama3.encodeChat(chat.messages);
    const spoken = encoding.ids.filter((_, i) => isSpoken[i]);
    expect(llama3.decode(spoken, { skipSpecialTokens: false })).toBe(
      "The committee in Zürich.<|im_end|>\nThey're both birds.<|im_end|>\n",
    );
    expect(text).toBe(chat.text);
  });

  test('goes to a template by name, and to that for tools', () => {
    const named = new Tokenizer(llama3.json, {
      chat_template: [
        { name: 'default', template: 'plain {{ messages | length }}' },
        { name: 'tool_use', template: 'tools {{ tools | length }}' },
      ],
    });
    expect(named.applyChatTemplate(chat.messages)).toBe('plain 4');
    expect(named.applyChatTemplate(chat.messages, { tools: [{}] })).toBe('tools 1');
    expect(
      named.applyChatTemplate(chat.messages, { template: '{{ x }}', variables: { x: 1 } }),
    ).toBe('1');
  });

  test('is refused without a template, by a template, and where it cannot be told who speaks', () => {
    const code = 'invalid-argument';
    expect(() => bert.applyChatTemplate(chat.messages)).toThrow(
      expect.objectContaining({ code, hint: expect.stringContaining('template') }),
    );
    const refusing = "{{ raise_exception('no system') }}";
    expect(() => bert.applyChatTemplate([], { template: refusing })).toThrow(
      expect.objectContaining({ code, received: expect.stringContaining('no system') }),
    );
    const reversed = '{% for m in messages | reverse %}{{ m.content }}{% endfor %}';
    expect(() => llama3.encodeChat(chat.messages, { template: reversed })).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});

describe('a folder', () => {
  test('has its template in a file of its own, and marks in special_tokens_map.json', async () => {
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(llama3.json));
    await writeFile(join(folder, 'chat_template.jinja'), 'hello {{ eos_token }}');
    const map = { eos_token: { content: '<|im_end|>' } };
    await writeFile(join(folder, 'special_tokens_map.json'), JSON.stringify(map));
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.special.eos).toBe(llama3.special.eos);
    expect(tokenizer.applyChatTemplate([])).toBe('hello <|im_end|>');
  });

  test('is refused without a tokenizer, or with that of SentencePiece alone', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    await expect(loadTokenizer(empty)).rejects.toMatchObject({ code: 'invalid-file' });
    await writeFile(join(empty, 'spiece.model'), 'x');
    await expect(loadTokenizer(empty)).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('tokenizer.json'),
    });
  });
});

const plain = { model: { type: 'WordPiece', vocab: { '[UNK]': 0 }, unk_token: '[UNK]' } };
const deep = (depth: number): unknown =>
  JSON.parse(
    `${'{"type":"Sequence","normalizers":['.repeat(depth)}{"type":"NFC"}${']}'.repeat(depth)}`,
  );

test.each<readonly [string, unknown]>([
  ['no object', 7],
  ['no model', {}],
  ['a vocabulary of other values', { model: { ...plain.model, vocab: { a: 'b' } } }],
  ['negative numbers', { model: { ...plain.model, vocab: { a: -1 } } }],
  ['absurd numbers', { model: { ...plain.model, vocab: { a: 1e12 } } }],
  ['numbers that are not whole', { model: { ...plain.model, vocab: { a: 0.5 } } }],
  [
    'an added token of an absurd number',
    { ...plain, added_tokens: [{ id: 2 ** 31, content: 'a' }] },
  ],
  ['an empty added token', { ...plain, added_tokens: [{ id: 1, content: '' }] }],
  ['a merge that is none', { model: { type: 'BPE', vocab: {}, merges: ['a'] } }],
  ['a normalizer of another kind', { ...plain, normalizer: { type: 'Magic' } }],
  ['a decoder of another kind', { ...plain, decoder: { type: 'Magic' } }],
  [
    'a pattern that is none',
    { ...plain, pre_tokenizer: { type: 'Split', behavior: 'Isolated', pattern: { Regex: '(' } } },
  ],
  [
    'a damaged map of characters',
    { ...plain, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAAAAAA' } },
  ],
  ['parts within parts', { ...plain, normalizer: deep(20_000) }],
])('a tokenizer.json with %s is refused', (_, json) => {
  expect(() => new Tokenizer(json)).toThrow(expect.objectContaining({ code: 'invalid-file' }));
});
