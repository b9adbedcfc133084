import type { Model } from '@lorikeet/model-zoo';
import { type Tokenizer, trainTokenizer } from '@lorikeet/model-zoo/tokenizers';

/** Tokens for lost spans that a new tokenizer gets. */
const sentinels = Array.from({ length: 32 }, (_, i) => `<extra_id_${i}>`);

/** A tokenizer for a kind of model: parts of words for encoders, bytes for decoders, parts of words and an end for both. */
export function tokenizerFor(
  model: Pick<Model, 'isCausal' | 'decoderStart'>,
  texts: Iterable<string>,
  vocabSize: number,
): Tokenizer {
  if (model.decoderStart !== undefined) {
    const special = { pad: '<pad>', eos: '</s>', unk: '<unk>' };
    const own = { special, cased: true, endsTexts: true, extraTokens: sentinels };
    return trainTokenizer(texts, { kind: 'wordpiece', vocabSize, ...own });
  }
  const kind = model.isCausal === true ? 'byte-level-bpe' : 'wordpiece';
  return trainTokenizer(texts, { kind, vocabSize });
}
