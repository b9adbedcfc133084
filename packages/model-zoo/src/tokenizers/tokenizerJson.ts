/** A text, or a pattern of Oniguruma. */
type PatternConfig = { readonly String: string } | { readonly Regex: string };

export interface BertNormalizerConfig {
  readonly type: 'BertNormalizer';
  readonly clean_text: boolean;
  readonly handle_chinese_chars: boolean;
  /** As `lowercase` says, without. */
  readonly strip_accents?: boolean | null | undefined;
  readonly lowercase: boolean;
}

export type PlainNormalizerConfig =
  | BertNormalizerConfig
  | { readonly type: 'Lowercase' | 'StripAccents' }
  | { readonly type: 'NFC' | 'NFD' | 'NFKC' | 'NFKD' }
  | { readonly type: 'Precompiled'; readonly precompiled_charsmap: string }
  | { readonly type: 'Strip'; readonly strip_left: boolean; readonly strip_right: boolean }
  | { readonly type: 'Prepend'; readonly prepend: string }
  | { readonly type: 'Replace'; readonly pattern: PatternConfig; readonly content: string };

export type NormalizerConfig =
  | PlainNormalizerConfig
  | { readonly type: 'Sequence'; readonly normalizers: readonly NormalizerConfig[] };

/** What becomes of the parts that a pattern matches. */
export type SplitBehavior =
  | 'Removed'
  | 'Isolated'
  | 'MergedWithPrevious'
  | 'MergedWithNext'
  | 'Contiguous';

export interface MetaspaceConfig {
  readonly type: 'Metaspace';
  /** One character. */
  readonly replacement: string;
  readonly prepend_scheme: 'always' | 'never' | 'first';
  readonly split: boolean;
}

export interface ByteLevelConfig {
  readonly type: 'ByteLevel';
  readonly add_prefix_space: boolean;
  readonly use_regex: boolean;
}

export type PlainPreTokenizerConfig =
  | { readonly type: 'BertPreTokenizer' | 'Whitespace' | 'WhitespaceSplit' }
  | { readonly type: 'Punctuation'; readonly behavior: SplitBehavior }
  | { readonly type: 'Digits'; readonly individual_digits: boolean }
  | {
      readonly type: 'Split';
      readonly pattern: PatternConfig;
      readonly behavior: SplitBehavior;
      readonly invert: boolean;
    }
  | { readonly type: 'FixedLength'; readonly length: number }
  | MetaspaceConfig
  | ByteLevelConfig;

export type PreTokenizerConfig =
  | PlainPreTokenizerConfig
  | { readonly type: 'Sequence'; readonly pretokenizers: readonly PreTokenizerConfig[] };

type TemplateItem =
  | { readonly SpecialToken: { readonly id: string; readonly type_id: number } }
  | { readonly Sequence: { readonly id: 'A' | 'B'; readonly type_id: number } };

type Mark = readonly [token: string, id: number];

export type PlainPostProcessorConfig =
  | {
      readonly type: 'TemplateProcessing';
      readonly single: readonly TemplateItem[];
      readonly pair: readonly TemplateItem[];
      readonly special_tokens: Readonly<Record<string, { readonly ids: readonly number[] }>>;
    }
  | { readonly type: 'BertProcessing'; readonly sep: Mark; readonly cls: Mark }
  | {
      readonly type: 'RobertaProcessing';
      readonly sep: Mark;
      readonly cls: Mark;
      readonly trim_offsets: boolean;
      readonly add_prefix_space: boolean;
    }
  | {
      readonly type: 'ByteLevel';
      readonly trim_offsets: boolean;
      readonly add_prefix_space: boolean;
    };

export type PostProcessorConfig =
  | PlainPostProcessorConfig
  | { readonly type: 'Sequence'; readonly processors: readonly PostProcessorConfig[] };

export interface AddedTokenConfig {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized?: boolean | undefined;
  readonly special: boolean;
}

export type Vocabulary = Readonly<Record<string, number>>;
export type Merges = readonly (string | readonly [string, string])[];

export interface BpeConfig {
  readonly type: 'BPE';
  readonly vocab: Vocabulary;
  readonly merges: Merges;
  readonly unk_token?: string | null | undefined;
  readonly end_of_word_suffix?: string | null | undefined;
  readonly fuse_unk?: boolean | null | undefined;
  readonly byte_fallback?: boolean | null | undefined;
  readonly ignore_merges?: boolean | null | undefined;
}

export type ModelConfig =
  | BpeConfig
  | { readonly type: 'WordLevel'; readonly vocab: Vocabulary; readonly unk_token: string }
  | {
      readonly type: 'WordPiece';
      readonly vocab: Vocabulary;
      readonly unk_token: string;
      readonly continuing_subword_prefix: string;
      readonly max_input_chars_per_word: number;
    }
  | {
      readonly type: 'Unigram';
      readonly vocab: readonly (readonly [token: string, score: number])[];
      readonly unk_id?: number | null | undefined;
      readonly byte_fallback?: boolean | null | undefined;
    };

/** What is read of a `tokenizer.json`; its decoder is the library's. */
export interface TokenizerContent {
  readonly added_tokens: readonly AddedTokenConfig[];
  readonly normalizer: NormalizerConfig | null;
  readonly pre_tokenizer: PreTokenizerConfig | null;
  readonly post_processor: PostProcessorConfig | null;
  readonly decoder: { readonly type: string } | null;
  readonly model: ModelConfig;
}

type TokenName = string | { readonly content: string } | null | undefined;

/** What is read of a `tokenizer_config.json`. */
export interface TokenizerConfig {
  readonly bos_token?: TokenName;
  readonly eos_token?: TokenName;
  readonly unk_token?: TokenName;
  readonly sep_token?: TokenName;
  readonly pad_token?: TokenName;
  readonly cls_token?: TokenName;
  readonly mask_token?: TokenName;
  readonly padding_side?: 'left' | 'right' | null | undefined;
  readonly truncation_side?: 'left' | 'right' | null | undefined;
  readonly model_input_names?: readonly string[] | null | undefined;
  readonly clean_up_tokenization_spaces?: boolean | null | undefined;
  readonly chat_template?:
    | string
    | readonly { readonly name: string; readonly template: string }[]
    | null
    | undefined;
  readonly [field: string]: unknown;
}
