import type { NormalizerConfig, PreTokenizerConfig } from './tokenizerJson.ts';

/** What tokens with a meaning are called. */
export interface SpecialNames {
  readonly bos?: string;
  readonly eos?: string;
  readonly unk?: string;
  readonly sep?: string;
  readonly pad?: string;
  readonly cls?: string;
  readonly mask?: string;
}

/** How a new tokenizer cuts texts. */
export interface NewTokenizerOptions {
  /** Bytes that merge, as in GPT-2 and RoBERTa, or parts of words, as in BERT. */
  readonly kind: 'byte-level-bpe' | 'wordpiece';
  /** Whether capitals and accents count. Defaults to false for `wordpiece`; bytes always keep them. */
  readonly cased?: boolean;
  /** Tokens by their meaning. Defaults to BERT's for `wordpiece`, else to `<|endoftext|>` at both ends. */
  readonly special?: SpecialNames;
  /** Further tokens that are never cut; they come right after the special ones. */
  readonly extraTokens?: readonly string[];
  /** Whether each text ends with `eos`, as for T5. Defaults to no. */
  readonly endsTexts?: boolean;
}

/** All of a tokenizer but its vocabulary. */
export interface NewTokenizer {
  readonly normalizer: NormalizerConfig | null;
  readonly preTokenizer: PreTokenizerConfig;
  /** What tokens within a word begin with. */
  readonly prefix: string;
  /** The first of the vocabulary. */
  readonly specialTokens: readonly string[];
  /** The content of its `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The content of its `tokenizer.json`. */
  json(tokens: readonly string[], merges: readonly (readonly [string, string])[]): object;
}

const bertNames: SpecialNames = {
  pad: '[PAD]',
  unk: '[UNK]',
  cls: '[CLS]',
  sep: '[SEP]',
  mask: '[MASK]',
};
const end = '<|endoftext|>';

/** The parts of BERT's tokenizer, or of GPT-2's. */
export function newTokenizer({
  kind,
  cased = kind !== 'wordpiece',
  special = kind === 'wordpiece' ? bertNames : { bos: end, eos: end, unk: end },
  extraTokens = [],
  endsTexts = false,
}: NewTokenizerOptions): NewTokenizer {
  const names: readonly string[] = Object.values(special);
  const specialTokens = [...new Set([...names, ...extraTokens])];
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...Object.fromEntries(Object.entries(special).map(([name, token]) => [`${name}_token`, token])),
  };
  const shared = { version: '1.0', truncation: null, padding: null };
  const added = specialTokens.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const vocabulary = (tokens: readonly string[]): object =>
    Object.fromEntries(tokens.map((token, id) => [token, id]));
  const around = endsTexts ? ending(special, specialTokens) : frame(special, specialTokens);
  if (kind === 'wordpiece') {
    const normalizer = {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: !cased,
    } as const;
    const preTokenizer = { type: 'BertPreTokenizer' } as const;
    return {
      normalizer,
      preTokenizer,
      prefix: '##',
      specialTokens,
      config,
      json: (tokens) => ({
        ...shared,
        added_tokens: added,
        normalizer,
        pre_tokenizer: preTokenizer,
        post_processor: around,
        decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
        model: {
          type: 'WordPiece',
          unk_token: special.unk ?? '[UNK]',
          continuing_subword_prefix: '##',
          max_input_chars_per_word: 100,
          vocab: vocabulary(tokens),
        },
      }),
    };
  }
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: true } as const;
  const withPlaces = { ...bytes, trim_offsets: false };
  return {
    normalizer: null,
    preTokenizer: bytes,
    prefix: '',
    specialTokens,
    config,
    json: (tokens, merges) => ({
      ...shared,
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: withPlaces,
      post_processor: around ?? withPlaces,
      decoder: { ...withPlaces },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: vocabulary(tokens),
        merges,
      },
    }),
  };
}

/** The marks around a text, if there are those of BERT. */
function frame({ cls, sep }: SpecialNames, tokens: readonly string[]): object | null {
  if (cls === undefined || sep === undefined) return null;
  const single = [mark(cls, 0), text('A', 0), mark(sep, 0)];
  return template(single, [...single, text('B', 1), mark(sep, 1)], [cls, sep], tokens);
}

/** The end of a text, and of a second one. */
function ending({ eos }: SpecialNames, tokens: readonly string[]): object | null {
  if (eos === undefined) return null;
  const single = [text('A', 0), mark(eos, 0)];
  return template(single, [...single, text('B', 0), mark(eos, 0)], [eos], tokens);
}

function mark(id: string, type_id: number): object {
  return { SpecialToken: { id, type_id } };
}

function text(id: 'A' | 'B', type_id: number): object {
  return { Sequence: { id, type_id } };
}

function template(
  single: readonly object[],
  pair: readonly object[],
  marks: readonly string[],
  tokens: readonly string[],
): object {
  const own = marks.map((id) => [id, { id, ids: [tokens.indexOf(id)], tokens: [id] }]);
  return { type: 'TemplateProcessing', single, pair, special_tokens: Object.fromEntries(own) };
}
