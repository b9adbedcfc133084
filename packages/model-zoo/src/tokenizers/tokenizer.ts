import {
  ByteFallbackDecoder,
  type Decoder,
  Tokenizer as LibraryTokenizer,
  type Model,
  SequenceDecoder,
} from '@huggingface/tokenizers';
import { isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';
import { type BatchInputs, type BatchOptions, batchInputs } from './batch.ts';
import {
  type ChatMessage,
  type ChatOptions,
  ChatTemplates,
  type EncodedChat,
  spokenTokens,
} from './chatTemplate.ts';
import { type DecodeStream, decodeStream } from './decodeStream.ts';
import type { Encoding, TextToken } from './encoding.ts';
import { type Frame, frameOf } from './frame.ts';
import { parseTokenizer } from './parseTokenizer.ts';
import { tokenizerConfigSchema, tokenizerSchema } from './schema.ts';
import { readSpecialTokens, type SpecialTokens } from './specialTokens.ts';
import { textCutter } from './textTokens.ts';
import type { TokenizerConfig, TokenizerContent } from './tokenizerJson.ts';
import { keptLengths, type TruncationStrategy } from './truncate.ts';

export interface EncodeOptions {
  /** A second text, such as the answer to a question. */
  readonly pair?: string;
  /** Whether the marks that the model expects are put around the texts. Defaults to true. */
  readonly addSpecialTokens?: boolean;
  /** Tokens at most, marks included. Nothing is left out without. */
  readonly maxLength?: number;
  /** Which text gives up tokens. Defaults to `longest_first`. */
  readonly truncation?: TruncationStrategy;
}

export interface WindowOptions extends EncodeOptions {
  readonly maxLength: number;
  /** Tokens that a window shares with the one before. Defaults to 0. */
  readonly stride?: number;
}

/**
 * Turns texts into the tokens of a model, and back: WordPiece, byte-level BPE, BPE and Unigram of SentencePiece.
 *
 * The models, normal forms and decoders are those of `@huggingface/tokenizers`; where each token comes from is found here.
 */
export class Tokenizer {
  /** Numbers of the tokens with a meaning. */
  readonly special: SpecialTokens;
  /** Entries of the vocabulary, added tokens included. */
  readonly size: number;
  readonly config: TokenizerConfig;
  /** The content of its `tokenizer.json`. */
  readonly json: unknown;
  readonly #library: LibraryTokenizer;
  readonly #model: Model;
  readonly #frame: Frame;
  readonly #cut: (text: string) => readonly TextToken[];
  readonly #chat: ChatTemplates;

  /**
   * @param json the content of `tokenizer.json`.
   * @param config that of `tokenizer_config.json`.
   * @throws LorikeetError `invalid-file` for files that are not as Hugging Face writes them; `unsupported` for parts that
   *   are not built.
   */
  constructor(json: unknown, config: unknown = {}) {
    const content = parseTokenizer(tokenizerSchema, json, 'tokenizer.json');
    this.config = parseTokenizer(tokenizerConfigSchema, config, 'tokenizer_config.json');
    this.json = json;
    const frame = frameOf(content.post_processor);
    const { library, model, cut } = openParts(content, frame);
    this.#library = library;
    this.#model = model;
    this.#frame = frame;
    this.#cut = cut;
    this.special = readSpecialTokens(this.config, (token) => this.idOf(token));
    this.size = new Set(model.tokens_to_ids.values()).size;
    this.#chat = new ChatTemplates(this.config);
  }

  /** The number of a token. */
  idOf(token: string): number | undefined {
    return this.#model.tokens_to_ids.get(token);
  }

  /** The token of a number. */
  tokenOf(id: number): string | undefined {
    return this.#model.vocab[id];
  }

  /** The tokens of a text, or of two. Throws `invalid-argument` if they cannot be made as short as asked. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const { pair, maxLength = Number.POSITIVE_INFINITY, truncation = 'longest_first' } = options;
    const texts = [this.#cut(text), pair === undefined ? [] : this.#cut(pair)] as const;
    const room = maxLength - this.#marks(options);
    const lengths = [texts[0].length, texts[1].length] as const;
    const kept = keptLengths(lengths, room, truncation);
    const isLeft = this.config.truncation_side === 'left';
    const shorten = (tokens: readonly TextToken[], count: number): readonly TextToken[] =>
      isLeft ? tokens.slice(tokens.length - count) : tokens.slice(0, count);
    return this.#join(shorten(texts[0], kept[0]), shorten(texts[1], kept[1]), options);
  }

  /**
   * A text that is longer than a model takes, as several encodings that overlap: of the second text, if there is a pair, as
   * question answering cuts the text with the answer.
   */
  encodeWindows(text: string, options: WindowOptions): readonly Encoding[] {
    const { pair, maxLength, stride = 0 } = options;
    const first = this.#cut(text);
    const second = pair === undefined ? [] : this.#cut(pair);
    const [fixed, moving] = pair === undefined ? [[], first] : [first, second];
    const width = maxLength - this.#marks(options) - fixed.length;
    if (width <= stride || stride < 0) {
      throw new LorikeetError('invalid-argument', 'no window of the text is left', {
        path: 'maxLength, stride',
        expected: 'windows longer than what they share',
        received: `${width} and ${stride} tokens`,
      });
    }
    const windows: Encoding[] = [];
    for (let start = 0; ; start += width - stride) {
      const part = moving.slice(start, start + width);
      windows.push(
        pair === undefined ? this.#join(part, [], options) : this.#join(fixed, part, options),
      );
      if (start + width >= moving.length) return windows;
    }
  }

  /** Texts, or pairs of texts, as the inputs of a model. */
  encodeBatch(
    texts: readonly (string | readonly [text: string, pair: string])[],
    options: Omit<EncodeOptions, 'pair'> & BatchOptions = {},
  ): BatchInputs {
    const encodings = texts.map((text) =>
      typeof text === 'string'
        ? this.encode(text, options)
        : this.encode(text[0], { ...options, pair: text[1] }),
    );
    return this.pad(encodings, options);
  }

  /** Encodings as the inputs of a model, as long as the longest of them. */
  pad(encodings: readonly Encoding[], options: BatchOptions = {}): BatchInputs {
    return batchInputs(encodings, {
      padId: this.special.pad ?? this.special.eos ?? 0,
      side: this.config.padding_side ?? 'right',
      hasTypes:
        this.config.model_input_names?.includes('token_type_ids') ??
        this.#frame.pair.some((item) => 'id' in item && item.type > 0),
      ...options,
    });
  }

  /** The text of tokens. */
  decode(
    ids: readonly number[],
    { skipSpecialTokens = true }: { readonly skipSpecialTokens?: boolean } = {},
  ): string {
    const known = ids.filter((id) => this.tokenOf(id) !== undefined);
    if (known.length === 0) return '';
    return this.#library.decode([...known], {
      skip_special_tokens: skipSpecialTokens,
      clean_up_tokenization_spaces: this.config.clean_up_tokenization_spaces ?? false,
    });
  }

  /** Turns tokens into text while they come. No text ends within a character. */
  decodeStream(options: { readonly skipSpecialTokens?: boolean } = {}): DecodeStream {
    return decodeStream((ids) => this.decode(ids, options));
  }

  /**
   * The text of a conversation, as the model was trained on. Throws `invalid-argument` without a chat template, or with
   * messages that it refuses.
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    return this.#chat.render(messages, options);
  }

  /** The tokens of a conversation, and which of them the assistant says: what training on instructions counts. */
  encodeChat(messages: readonly ChatMessage[], options: ChatOptions = {}): EncodedChat {
    const { text, spoken } = this.#chat.renderSpoken(messages, options);
    const encoding = this.encode(text, { addSpecialTokens: false });
    return { text, encoding, isSpoken: spokenTokens(encoding, spoken) };
  }

  #marks({ pair, addSpecialTokens = true }: EncodeOptions): number {
    if (!addSpecialTokens) return 0;
    const frame = pair === undefined ? this.#frame.single : this.#frame.pair;
    return frame.filter((item) => 'id' in item).length;
  }

  #join(
    first: readonly TextToken[],
    second: readonly TextToken[],
    { pair, addSpecialTokens = true }: EncodeOptions,
  ): Encoding {
    const frame = pair === undefined ? this.#frame.single : this.#frame.pair;
    const all = frame.flatMap((item): readonly FramedToken[] => {
      if ('sequence' in item)
        return (item.sequence === 0 ? first : second).map((token) => ({ ...token, ...item }));
      if (!addSpecialTokens) return [];
      const mark = { token: this.tokenOf(item.id) ?? '', offset: [0, 0] as const };
      return [{ ...item, ...mark, word: null, sequence: null }];
    });
    return {
      ids: all.map(({ id }) => id),
      tokens: all.map(({ token }) => token),
      types: all.map(({ type }) => type),
      offsets: all.map(({ offset }) => offset),
      words: all.map(({ word }) => word),
      sequences: all.map(({ sequence }) => sequence),
    };
  }
}

type FramedToken = Omit<TextToken, 'word'> & {
  readonly word: number | null;
  readonly sequence: 0 | 1 | null;
  readonly type: number;
};

/** U+FEFF is a character like others; the library's decoder of single bytes drops it. */
function keepByteOrderMarks(decoder: Decoder | null): void {
  if (decoder instanceof SequenceDecoder) decoder.decoders.forEach(keepByteOrderMarks);
  if (decoder instanceof ByteFallbackDecoder)
    decoder.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true });
}

interface Parts {
  readonly library: LibraryTokenizer;
  readonly model: Model;
  readonly cut: (text: string) => readonly TextToken[];
}

/** The library's tokenizer, whose parts are used one by one, and what cuts texts with them. */
function openParts(content: TokenizerContent, frame: Frame): Parts {
  const { model: modelConfig, decoder, added_tokens } = content;
  // The rest is done here, with places.
  const rest = { normalizer: null, pre_tokenizer: null, post_processor: null };
  try {
    const library = new LibraryTokenizer(
      { ...rest, model: modelConfig, decoder, added_tokens },
      {},
    );
    keepByteOrderMarks(library.decoder);
    const { model } = library;
    if (model === null) throw new Error('no model');
    return { library, model, cut: textCutter(content, model, frame) };
  } catch (cause) {
    if (isLorikeetError(cause)) throw cause;
    // Kinds that the library does not know, and patterns that are none.
    throw new LorikeetError('invalid-file', 'the tokenizer of the model cannot be used', {
      path: 'tokenizer.json',
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
