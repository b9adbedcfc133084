import { Tokenizer } from '@huggingface/tokenizers';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

/** The tokenizer that a `tokenizer.json` describes. */
export function tokenizerOf(file: Record<string, unknown>): Tokenizer {
  return new Tokenizer(file, { tokenizer_class: 'BertTokenizer' });
}

/**
 * The `tokenizer.json` of a BERT tokenizer whose vocabulary is the characters and the most frequent words of
 * some texts; a rarer word is spelled by its characters.
 */
export function wordPieceFile(
  texts: readonly string[],
  vocabularySize: number,
): Record<string, unknown> {
  const words = new Map<string, number>();
  const characters = new Set<string>();
  for (const text of texts) {
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu) ?? []) {
      words.set(word, (words.get(word) ?? 0) + 1);
    }
  }
  for (const [word, count] of words)
    if (count > 20) for (const character of word) characters.add(character);
  const spelling = [...characters].sort().flatMap((character) => [character, `##${character}`]);
  const frequent = [...words.entries()]
    .filter(([word, count]) => count > 1 && word.length > 1)
    .sort(([a, p], [b, q]) => q - p || (a < b ? -1 : 1))
    .map(([word]) => word);
  const tokens = [...special, ...spelling, ...frequent].slice(0, vocabularySize);
  return tokenizerFile(tokens);
}

/** The content of a Hugging Face `tokenizer.json`. */
function tokenizerFile(tokens: readonly string[]): Record<string, unknown> {
  return {
    version: '1.0',
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  };
}
