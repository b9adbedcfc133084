import { z } from 'zod';
import type {
  AddedTokenConfig,
  Merges,
  ModelConfig,
  NormalizerConfig,
  PlainNormalizerConfig,
  PlainPostProcessorConfig,
  PlainPreTokenizerConfig,
  PostProcessorConfig,
  PreTokenizerConfig,
  TokenizerConfig,
  TokenizerContent,
  Vocabulary,
} from './tokenizerJson.ts';

/** A text, or a pattern of Oniguruma. */
const pattern = z.union([
  z.strictObject({ String: z.string().min(1) }),
  z.strictObject({ Regex: z.string().min(1) }),
]);

const bertNormalizer = z.looseObject({
  type: z.literal('BertNormalizer'),
  clean_text: z.boolean().default(true),
  handle_chinese_chars: z.boolean().default(true),
  strip_accents: z.boolean().nullish(),
  lowercase: z.boolean().default(true),
});

const plainNormalizer: z.ZodType<PlainNormalizerConfig> = z.discriminatedUnion('type', [
  bertNormalizer,
  z.looseObject({ type: z.literal('Lowercase') }),
  z.looseObject({ type: z.literal('StripAccents') }),
  z.looseObject({ type: z.literal('NFC') }),
  z.looseObject({ type: z.literal('NFD') }),
  z.looseObject({ type: z.literal('NFKC') }),
  z.looseObject({ type: z.literal('NFKD') }),
  z.looseObject({
    type: z.literal('Precompiled'),
    precompiled_charsmap: z
      .string()
      .nullish()
      .transform((map) => map ?? ''),
  }),
  z.looseObject({
    type: z.literal('Strip'),
    strip_left: z.boolean().default(true),
    strip_right: z.boolean().default(true),
  }),
  z.looseObject({ type: z.literal('Prepend'), prepend: z.string() }),
  z.looseObject({ type: z.literal('Replace'), pattern, content: z.string() }),
]);

const normalizer: z.ZodType<NormalizerConfig> = z.lazy(() =>
  z.union([
    plainNormalizer,
    z.looseObject({ type: z.literal('Sequence'), normalizers: z.array(normalizer) }),
  ]),
);

const behavior = z.enum([
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
]);

const plainPreTokenizer: z.ZodType<PlainPreTokenizerConfig> = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('BertPreTokenizer') }),
  z.looseObject({ type: z.literal('Whitespace') }),
  z.looseObject({ type: z.literal('WhitespaceSplit') }),
  z.looseObject({ type: z.literal('Punctuation'), behavior: behavior.default('Isolated') }),
  z.looseObject({ type: z.literal('Digits'), individual_digits: z.boolean().default(false) }),
  z.looseObject({
    type: z.literal('Split'),
    pattern,
    behavior,
    invert: z.boolean().default(false),
  }),
  z.looseObject({ type: z.literal('FixedLength'), length: z.int().min(1).max(10_000) }),
  z
    .looseObject({
      type: z.literal('Metaspace'),
      replacement: z.string().length(1).default('▁'),
      add_prefix_space: z.boolean().optional(),
      prepend_scheme: z.enum(['always', 'never', 'first']).optional(),
      split: z.boolean().optional(),
    })
    .transform(({ add_prefix_space, prepend_scheme, split, ...others }) => ({
      ...others,
      // What old files say, and what these did.
      prepend_scheme: prepend_scheme ?? (add_prefix_space === false ? 'never' : 'always'),
      split: split ?? true,
    })),
  z.looseObject({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.boolean().default(true),
    use_regex: z.boolean().default(true),
  }),
]);

const preTokenizer: z.ZodType<PreTokenizerConfig> = z.lazy(() =>
  z.union([
    plainPreTokenizer,
    z.looseObject({ type: z.literal('Sequence'), pretokenizers: z.array(preTokenizer) }),
  ]),
);

const templateItem = z.union([
  z.strictObject({ SpecialToken: z.strictObject({ id: z.string(), type_id: z.int().min(0) }) }),
  z.strictObject({ Sequence: z.strictObject({ id: z.enum(['A', 'B']), type_id: z.int().min(0) }) }),
]);
const mark = z.tuple([z.string(), z.int().min(0)]);

const plainPostProcessor: z.ZodType<PlainPostProcessorConfig> = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('TemplateProcessing'),
    single: z.array(templateItem),
    pair: z.array(templateItem),
    special_tokens: z.record(z.string(), z.looseObject({ ids: z.array(z.int().min(0)) })),
  }),
  z.looseObject({ type: z.literal('BertProcessing'), sep: mark, cls: mark }),
  z.looseObject({
    type: z.literal('RobertaProcessing'),
    sep: mark,
    cls: mark,
    trim_offsets: z.boolean().default(true),
    add_prefix_space: z.boolean().default(true),
  }),
  z.looseObject({
    type: z.literal('ByteLevel'),
    trim_offsets: z.boolean().default(true),
    add_prefix_space: z.boolean().default(true),
  }),
]);

const postProcessor: z.ZodType<PostProcessorConfig> = z.lazy(() =>
  z.union([
    plainPostProcessor,
    z.looseObject({ type: z.literal('Sequence'), processors: z.array(postProcessor) }),
  ]),
);

/** No vocabulary is larger; the number of a token is its place in a list. */
const maxTokens = 1 << 24;
const tokenId = z.int().min(0).max(maxTokens);

const addedToken: z.ZodType<AddedTokenConfig> = z.looseObject({
  id: tokenId,
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().optional(),
  special: z.boolean().default(false),
});

/** Plain checks: a vocabulary has some hundred thousand entries. */
const isVocabulary = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((id) => Number.isInteger(id) && id >= 0 && id <= maxTokens);
const isScored = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every(
    (entry) =>
      Array.isArray(entry) &&
      entry.length === 2 &&
      typeof entry[0] === 'string' &&
      entry[0] !== '' &&
      typeof entry[1] === 'number',
  );
const isMerges = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((merge) =>
    typeof merge === 'string'
      ? /^\S+ \S+$/u.test(merge)
      : Array.isArray(merge) &&
        merge.length === 2 &&
        merge.every((part) => typeof part === 'string' && part !== ''),
  );

const vocab = z.custom<Vocabulary>(isVocabulary, 'tokens and their numbers');
const merges = z.custom<Merges>(isMerges, 'pairs of tokens');
const model: z.ZodType<ModelConfig> = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('WordPiece'),
    vocab,
    unk_token: z.string().default('[UNK]'),
    continuing_subword_prefix: z.string().default('##'),
    max_input_chars_per_word: z.int().min(1).default(100),
  }),
  z.looseObject({ type: z.literal('WordLevel'), vocab, unk_token: z.string().default('[UNK]') }),
  z.looseObject({
    type: z.literal('BPE'),
    vocab,
    merges,
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.literal('').nullish(),
    end_of_word_suffix: z.string().nullish(),
    fuse_unk: z.boolean().nullish(),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
  }),
  z.looseObject({
    type: z.literal('Unigram'),
    vocab: z.custom<readonly (readonly [string, number])[]>(isScored, 'tokens and their scores'),
    unk_id: tokenId.nullish(),
    byte_fallback: z.boolean().nullish(),
  }),
]);

/** What is read of a `tokenizer.json`; its decoder is the library's. */
export const tokenizerSchema: z.ZodType<TokenizerContent> = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  normalizer: normalizer.nullable().default(null),
  pre_tokenizer: preTokenizer.nullable().default(null),
  post_processor: postProcessor.nullable().default(null),
  decoder: z.looseObject({ type: z.string() }).nullable().default(null),
  model: z.preprocess(withType, model),
});

/** Old files do not say what their model is. */
function withType(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'type' in value || !('vocab' in value))
    return value;
  const type = Array.isArray(value.vocab) ? 'Unigram' : 'merges' in value ? 'BPE' : 'WordPiece';
  return { ...value, type };
}

const tokenName = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();

/** What is read of a `tokenizer_config.json`. */
export const tokenizerConfigSchema: z.ZodType<TokenizerConfig> = z.looseObject({
  bos_token: tokenName,
  eos_token: tokenName,
  unk_token: tokenName,
  sep_token: tokenName,
  pad_token: tokenName,
  cls_token: tokenName,
  mask_token: tokenName,
  padding_side: z.enum(['left', 'right']).nullish(),
  truncation_side: z.enum(['left', 'right']).nullish(),
  model_input_names: z.array(z.string()).nullish(),
  model_max_length: z.number().positive().nullish(),
  clean_up_tokenization_spaces: z.boolean().nullish(),
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish(),
  tokenizer_class: z.string().nullish(),
});

/** The content of a `vocab.json`. */
export const vocabularySchema: z.ZodType<Vocabulary> = vocab;
