import { Template } from '@huggingface/jinja';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { Encoding } from './encoding.ts';
import { specialText } from './specialTokens.ts';
import type { TokenizerConfig } from './tokenizerJson.ts';

/** What somebody says in a conversation; templates may read further fields. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

export interface ChatOptions {
  /** Whether the text ends where the assistant is to speak. Defaults to false. */
  readonly addGenerationPrompt?: boolean;
  /** Functions that the assistant may call, as JSON schemas. */
  readonly tools?: readonly unknown[];
  /** A template, or the name of one of the tokenizer's. Defaults to `tool_use` with tools if there is one, else `default`. */
  readonly template?: string;
  /** What the template reads besides. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The tokens of a conversation. */
export interface EncodedChat {
  readonly text: string;
  readonly encoding: Encoding;
  /** For each token, whether the assistant says it. */
  readonly isSpoken: readonly boolean[];
}

type Range = readonly [from: number, to: number];

/** Stand in the text where a template says that the assistant speaks; no font has them. */
const [opening, closing] = ['\u{f57a7}', '\u{f57e0}'];

/** The chat templates of a tokenizer. */
export class ChatTemplates {
  readonly #named: ReadonlyMap<string, string>;
  readonly #config: TokenizerConfig;

  constructor(config: TokenizerConfig) {
    const { chat_template: template } = config;
    this.#config = config;
    this.#named = new Map(
      typeof template === 'string'
        ? [['default', template]]
        : (template ?? []).map(({ name, template }) => [name, template]),
    );
  }

  render(messages: readonly ChatMessage[], options: ChatOptions): string {
    return this.#render(this.#source(options), messages, options);
  }

  /**
   * The text, and the parts of it that the assistant says: what stands between the template's `{% generation %}` and
   * `{% endgeneration %}`; without them, from where the assistant is to speak to the end of its message.
   */
  renderSpoken(
    messages: readonly ChatMessage[],
    options: ChatOptions,
  ): { readonly text: string; readonly spoken: readonly Range[] } {
    const source = this.#source(options);
    const marked = withMarks(source);
    if (marked !== source) return cutMarks(this.#render(marked, messages, options));
    const text = this.#render(source, messages, options);
    const spoken = messages.flatMap(({ role }, i): readonly Range[] => {
      if (role !== 'assistant') return [];
      const upTo = (count: number, addGenerationPrompt: boolean): string =>
        this.#render(source, messages.slice(0, count), { ...options, addGenerationPrompt });
      const [before, after] = [upTo(i, true), upTo(i + 1, false)];
      if (after.startsWith(before) && text.startsWith(after))
        return [[before.length, after.length]];
      throw new LorikeetError(
        'unsupported',
        'a chat template that does not tell which tokens the assistant says',
        {
          path: `message ${i}`,
          expected: 'a text that goes on after the prompt as the messages do',
          received: 'a text that later messages change',
          hint: 'mark what the assistant says with {% generation %} and {% endgeneration %} in the template',
        },
      );
    });
    return { text, spoken };
  }

  #source({ template, tools }: ChatOptions): string {
    const hasTools = tools !== undefined && this.#named.has('tool_use');
    const source = this.#named.get(template ?? (hasTools ? 'tool_use' : 'default')) ?? template;
    if (source !== undefined) return source;
    throw new LorikeetError('invalid-argument', 'the tokenizer has no chat template', {
      expected: 'a template in the files of the tokenizer',
      received: `templates of the names: ${[...this.#named.keys()].join(', ') || 'none'}`,
      hint: 'give one as the option template',
    });
  }

  #render(source: string, messages: readonly ChatMessage[], options: ChatOptions): string {
    const named = (['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const).flatMap((name) => {
      const text = specialText(this.#config, name);
      return text === undefined ? [] : [[`${name}_token`, text] as const];
    });
    try {
      return new Template(source).render({
        ...Object.fromEntries(named),
        ...options.variables,
        messages,
        tools: options.tools ?? null,
        add_generation_prompt: options.addGenerationPrompt ?? false,
      });
    } catch (cause) {
      throw new LorikeetError('invalid-argument', 'the chat template refuses the messages', {
        received: cause instanceof Error ? cause.message : String(cause),
        cause,
      });
    }
  }
}

/** Which tokens stand in the parts that are spoken; also those without a place, such as a space that is left out of one. */
export function spokenTokens({ offsets }: Encoding, spoken: readonly Range[]): readonly boolean[] {
  const isSpoken = offsets.map(() => false);
  for (const [from, to] of spoken) {
    const isInside = ([start, end]: Range): boolean => end > start && start < to && end > from;
    const first = offsets.findIndex(isInside);
    if (first >= 0) isSpoken.fill(true, first, offsets.findLastIndex(isInside) + 1);
  }
  return isSpoken;
}

/** A template that writes marks where it says that the assistant speaks; spaces around the tags go as they would. */
function withMarks(source: string): string {
  return source.replace(
    /\{%(-?)\s*(end)?generation\s*(-?)%\}/g,
    (_, before: string, end: string | undefined, after: string) =>
      `{%${before} if true %}{{ '${end === undefined ? opening : closing}' }}{% endif ${after}%}`,
  );
}

function cutMarks(marked: string): { readonly text: string; readonly spoken: readonly Range[] } {
  const spoken: Range[] = [];
  let text = '';
  let from = 0;
  for (const part of marked.split(new RegExp(`(${opening}|${closing})`, 'u'))) {
    if (part === opening) from = text.length;
    else if (part === closing) spoken.push([from, text.length]);
    else text += part;
  }
  return { text, spoken };
}
