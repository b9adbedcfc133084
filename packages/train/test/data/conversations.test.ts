import { chatRow, conversationOf, type Message, promptRow } from '@lorikeet/train/data';
import { describe, expect, test } from 'vitest';
import { WordTokenizer } from './wordTokenizer.ts';

const placed = (row: Record<string, unknown>) => ({ row, file: 'f.jsonl', line: 3 });
const talk: readonly Message[] = [
  { role: 'user', content: 'add 2' },
  { role: 'assistant', content: 'it is 2' },
  { role: 'user', content: 'and 3' },
  { role: 'assistant', content: 'now 5' },
];

describe('conversationOf', () => {
  test.each([
    [
      'Alpaca',
      { instruction: 'Add.', input: '1, 2', output: '3' },
      [
        { role: 'user', content: 'Add.\n\n1, 2' },
        { role: 'assistant', content: '3' },
      ],
    ],
    [
      'Alpaca without input',
      { instruction: 'Greet.', input: '', output: 'Hi', text: 'whole' },
      [
        { role: 'user', content: 'Greet.' },
        { role: 'assistant', content: 'Hi' },
      ],
    ],
    [
      'ShareGPT',
      {
        conversations: [
          { from: 'human', value: 'Hi' },
          { from: 'gpt', value: 'Hello' },
        ],
        system: 'Be kind.',
      },
      [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
    ],
    ['messages', { messages: talk }, talk],
    [
      'prompt and completion',
      { prompt: 'Hi', completion: 'Hello' },
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
    ],
  ])('reads %s', (_, row, expected) => {
    expect(conversationOf(placed(row))).toEqual(expected);
  });

  test.each([
    [{ text: 'x' }, 'a row is no conversation'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'message 0 of a conversation cannot be read'],
    [{ messages: [{ role: 'user' }] }, 'message 0 of a conversation cannot be read'],
    [{ messages: ['x'] }, 'message 0 of a conversation cannot be read'],
    [{ messages: [{ role: 'user', content: 'x' }] }, 'the assistant says nothing'],
    [{ messages: [] }, 'the assistant says nothing'],
    [{ instruction: 'x', output: ' ' }, 'the assistant says nothing'],
    [{ instruction: 'x' }, 'there is no text in the column output'],
    [{ prompt: 'x' }, 'there is no text in the column completion'],
  ])('refuses %j', (row, summary) => {
    expect(() => conversationOf(placed(row))).toThrow(
      expect.objectContaining({
        code: 'invalid-file',
        path: 'f.jsonl:3',
        summary: expect.stringContaining(summary),
      }),
    );
  });
});

describe('chatRow', () => {
  const tokenizer = new WordTokenizer();
  const spoken = (texts: readonly string[]): number[] =>
    texts.flatMap((text) => [...tokenizer.encode(text, { addSpecialTokens: false }).ids]);
  const learnt = (rows: readonly { readonly labels: readonly number[] }[]): number[] =>
    rows.flatMap(({ labels }) => labels.filter((label) => label !== -100));

  test('learns all that the assistant says, or its last message', () => {
    const [row] = chatRow(tokenizer, { maxLength: 99 })(talk);
    expect(learnt(row ? [row] : [])).toEqual(spoken(['it is 2', 'now 5']));
    expect(row?.input_ids.every((id, i) => row.labels[i] === -100 || row.labels[i] === id)).toBe(
      true,
    );
    expect(learnt(chatRow(tokenizer, { maxLength: 99, answers: 'last' })(talk))).toEqual(
      spoken(['now 5']),
    );
  });

  test('is cut behind, and left out where nothing of the assistant remains', () => {
    const [row] = chatRow(tokenizer, { maxLength: 12 })(talk);
    expect(row?.input_ids).toHaveLength(12);
    expect(chatRow(tokenizer, { maxLength: 4 })(talk)).toEqual([]);
    expect(chatRow(tokenizer, { maxLength: 12, answers: 'last' })(talk)).toEqual([]);
  });
});

describe('promptRow', () => {
  const tokenizer = new WordTokenizer();

  test('learns the answer and its end, not the prompt nor the marks around', () => {
    const [row] = promptRow(tokenizer, { maxLength: 20, end: 7 })('a b: ', 'c d');
    expect(row?.input_ids).toEqual([1, 197, 198, 158, 199, 200, 2, 7]);
    expect(row?.labels).toEqual([-100, -100, -100, -100, 199, 200, -100, 7]);
    const [ended] = promptRow(tokenizer, { maxLength: 20, end: 2 })('a ', 'b');
    expect(ended?.labels).toEqual([-100, -100, 198, 2]);
  });

  test('is left out where no answer remains', () => {
    expect(promptRow(tokenizer, { maxLength: 3 })('a b c ', 'd')).toEqual([]);
    expect(promptRow(tokenizer, { maxLength: 9 })('a b c', '')).toEqual([]);
  });
});
