import { badRow } from '../files/badRow.ts';
import { isRow } from '../files/readJsonLines.ts';
import { type PlacedRow, textOf } from '../files/row.ts';

/** What one side says. A type, not an interface, so that it suits chat templates, which may read further fields. */
export type Message = {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
};

const roles: ReadonlyMap<string, Message['role']> = new Map([
  ['system', 'system'],
  ['user', 'user'],
  ['human', 'user'],
  ['assistant', 'assistant'],
  ['gpt', 'assistant'],
  ['chatgpt', 'assistant'],
  ['bing', 'assistant'],
  ['bard', 'assistant'],
  ['model', 'assistant'],
  ['tool', 'tool'],
  ['function', 'tool'],
  ['observation', 'tool'],
]);

/**
 * A row of instruction or chat data as a conversation: Alpaca (`instruction, input, output`), ShareGPT (`conversations` of
 * `from` and `value`), `messages` of `role` and `content`, or `prompt` and `completion`.
 *
 * @throws LorikeetError `invalid-file`, with file and line, for other rows, an unknown role, and a conversation in which the
 *   assistant says nothing.
 */
export function conversationOf(placed: PlacedRow): readonly Message[] {
  const { row, file, line } = placed;
  const messages = messagesOf(placed);
  if (messages.some(({ role, content }) => role === 'assistant' && content.trim() !== ''))
    return messages;
  throw badRow(file, line, 'the assistant says nothing in the conversation', {
    received: `the columns ${Object.keys(row).join(', ')}`,
  });
}

function messagesOf(placed: PlacedRow): readonly Message[] {
  const { row, file, line } = placed;
  const list = row.messages ?? row.conversations;
  if (Array.isArray(list)) {
    const system =
      typeof row.system === 'string' && row.system !== ''
        ? [{ role: 'system', content: row.system } as const]
        : [];
    return [...system, ...list.map((message, i) => readMessage(message, i, placed))];
  }
  if (Object.hasOwn(row, 'instruction')) {
    const input = Object.hasOwn(row, 'input') && row.input ? textOf(placed, 'input') : '';
    const instruction = textOf(placed, 'instruction');
    return [
      { role: 'user', content: input === '' ? instruction : `${instruction}\n\n${input}` },
      { role: 'assistant', content: textOf(placed, 'output') },
    ];
  }
  if (Object.hasOwn(row, 'prompt')) {
    return [
      { role: 'user', content: textOf(placed, 'prompt') },
      { role: 'assistant', content: textOf(placed, 'completion') },
    ];
  }
  throw badRow(file, line, 'a row is no conversation', {
    expected: 'messages, conversations, instruction and output, or prompt and completion',
    received: `the columns ${Object.keys(row).join(', ')}`,
  });
}

function readMessage(message: unknown, index: number, { file, line }: PlacedRow): Message {
  const row = isRow(message) ? message : {};
  const role = roles.get(String(row.role ?? row.from).toLowerCase());
  const content = row.content ?? row.value;
  if (role !== undefined && typeof content === 'string') return { role, content };
  throw badRow(file, line, `message ${index} of a conversation cannot be read`, {
    expected: `a text, and a role that is one of ${[...roles.keys()].join(', ')}`,
    received: JSON.stringify(message)?.slice(0, 80),
  });
}
