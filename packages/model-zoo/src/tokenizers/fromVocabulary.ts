import { specialText } from './specialTokens.ts';
import type { TokenizerConfig, Vocabulary } from './tokenizerJson.ts';

/** The content of both files of a tokenizer. */
export interface TokenizerFiles {
  readonly json: unknown;
  readonly config: object;
}

/** The files of a BERT that has `vocab.txt` alone: one token a line. */
export function wordPieceFromVocabulary(lines: string, config: TokenizerConfig): TokenizerFiles {
  const tokens = lines.split('\n').map((line) => line.replace(/\r$/, ''));
  if (tokens.at(-1) === '') tokens.pop();
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const text = (name: 'unk' | 'sep' | 'cls' | 'pad' | 'mask', usual: string): string =>
    specialText(config, name) ?? usual;
  const [unk, sep, cls] = [text('unk', '[UNK]'), text('sep', '[SEP]'), text('cls', '[CLS]')];
  const [pad, mask] = [text('pad', '[PAD]'), text('mask', '[MASK]')];
  const json = {
    version: '1.0',
    added_tokens: marksOf(vocab, [unk, sep, cls, pad, mask]),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      strip_accents: config.strip_accents ?? null,
      lowercase: config.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'BertProcessing',
      sep: [sep, vocab[sep] ?? 0],
      cls: [cls, vocab[cls] ?? 0],
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', vocab, unk_token: unk, continuing_subword_prefix: '##' },
  };
  const names = {
    unk_token: unk,
    sep_token: sep,
    cls_token: cls,
    pad_token: pad,
    mask_token: mask,
  };
  return { json, config: { ...config, ...names } };
}

/**
 * The files of a GPT-2 or RoBERTa that has `vocab.json` and `merges.txt` alone. RoBERTa is told by its marks: `<s>`
 * and `</s>` are in the vocabulary.
 */
export function byteLevelFromVocabulary(
  vocab: Vocabulary,
  merges: string,
  config: TokenizerConfig,
): TokenizerFiles {
  const isRoberta = Object.hasOwn(vocab, '<s>') && Object.hasOwn(vocab, '</s>');
  const prefix = config.add_prefix_space === true;
  const marks = isRoberta ? ['<s>', '<pad>', '</s>', '<unk>'] : ['<|endoftext|>'];
  const trim_offsets = isRoberta;
  const json = {
    version: '1.0',
    added_tokens: [
      ...marksOf(vocab, marks),
      ...(isRoberta ? marksOf(vocab, ['<mask>']).map((mask) => ({ ...mask, lstrip: true })) : []),
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: prefix, use_regex: true },
    post_processor: isRoberta
      ? {
          type: 'RobertaProcessing',
          sep: ['</s>', vocab['</s>'] ?? 0],
          cls: ['<s>', vocab['<s>'] ?? 0],
          trim_offsets,
          add_prefix_space: prefix,
        }
      : { type: 'ByteLevel', add_prefix_space: prefix, trim_offsets },
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab,
      merges: merges
        .split('\n')
        .map((line) => line.replace(/\r$/, ''))
        .filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version'))),
    },
  };
  return { json, config: { ...(isRoberta ? robertaMarks : gptMarks), ...config } };
}

const robertaMarks = {
  bos_token: '<s>',
  eos_token: '</s>',
  sep_token: '</s>',
  cls_token: '<s>',
  unk_token: '<unk>',
  pad_token: '<pad>',
  mask_token: '<mask>',
};
const gptMarks = {
  bos_token: '<|endoftext|>',
  eos_token: '<|endoftext|>',
  unk_token: '<|endoftext|>',
};

function marksOf(vocab: Vocabulary, contents: readonly string[]): readonly object[] {
  return contents
    .filter((content) => Object.hasOwn(vocab, content))
    .map((content) => ({ id: vocab[content], content, special: true, normalized: false }));
}
