import type { Model, ModelInputs } from '@lorikeet/model-zoo';
import type { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { Batch } from '@lorikeet/train';
import {
  batch,
  type Collated,
  collate,
  collect,
  corruptSpans,
  type Dataset,
  fromArray,
  map,
  maskedOnly,
  maskTokens,
  pack,
  type ShuffleOptions,
  shuffle,
} from '@lorikeet/train/data';

/** How a model learns from plain text. */
export interface Objective {
  readonly name: 'masked words' | 'next words' | 'lost spans';
  /** Rows of tokens out of tokenised texts, which have no marks yet. */
  readonly rows: (texts: readonly (readonly number[])[]) => Promise<readonly TokenList[]>;
  /** The batches of an epoch. */
  readonly batches: (
    rows: readonly TokenList[],
    options: ShuffleOptions & { readonly size: number },
  ) => Dataset<Batch<ModelInputs>>;
}

export interface TokenList {
  readonly input_ids: readonly number[];
}

/** Masked words for an encoder, the next words for a decoder, lost spans for a model with both. */
export function objectiveOf(
  model: Model,
  tokenizer: Tokenizer,
  { length, masked }: { readonly length: number; readonly masked: number },
): Objective {
  if (model.decoderStart !== undefined) return lostSpans(tokenizer, length, masked);
  return model.isCausal === true
    ? nextWords(tokenizer, length)
    : maskedWords(model, tokenizer, length, masked);
}

function maskedWords(
  model: Model,
  tokenizer: Tokenizer,
  length: number,
  probability: number,
): Objective {
  const { before, after } = marksOf(tokenizer);
  const maskId = required(tokenizer, 'mask');
  const special = Object.values(tokenizer.special);
  const vocabularySize = Number(model.config.vocab_size);
  const padId = tokenizer.special.pad ?? 0;
  return {
    name: 'masked words',
    async rows(texts) {
      const packed = pack(fromArray(texts), { length: length - before.length - after.length });
      return (await collect(packed)).map(({ input_ids: ids }) => ({
        input_ids: [...before, ...ids, ...after],
      }));
    },
    batches(rows, { size, ...order }) {
      const options = { ...order, maskId, vocabularySize, special, probability };
      return batched(map(maskTokens(shuffle(rows, order), options), maskedOnly), size, padId);
    },
  };
}

function nextWords(tokenizer: Tokenizer, length: number): Objective {
  const separator = required(tokenizer, 'eos');
  return {
    name: 'next words',
    rows: (texts) => collect(pack(fromArray(texts), { length, separator })),
    batches(rows, { size, ...order }) {
      const ordered = shuffle(rows, order);
      const told = map(ordered, ({ input_ids }) => ({ input_ids, labels: input_ids }));
      return batched(told, size, separator);
    },
  };
}

function lostSpans(tokenizer: Tokenizer, length: number, density: number): Objective {
  const [end, padId] = [required(tokenizer, 'eos'), required(tokenizer, 'pad')];
  const sentinels = sentinelsOf(tokenizer);
  return {
    name: 'lost spans',
    // Texts stay apart: they may be words.
    rows: async (texts) =>
      texts.map((text) => ({ input_ids: [...text.slice(0, length - 1), end] })),
    batches: (rows, { size, ...order }) =>
      batched(
        corruptSpans(shuffle(rows, order), { ...order, sentinels, end, density }),
        size,
        padId,
      ),
  };
}

function batched<Row extends TokenList>(
  rows: Dataset<Row>,
  size: number,
  padId: number,
): Dataset<Batch<Collated<Row>>> {
  return map(batch(rows, { size, rest: 'drop' }), (some) => collate(some, { padId, multiple: 8 }));
}

/** What a tokenizer puts before and behind a text. */
function marksOf(tokenizer: Tokenizer): Record<'before' | 'after', readonly number[]> {
  const { ids, sequences } = tokenizer.encode('a');
  const first = sequences.findIndex((text) => text !== null);
  const last = sequences.findLastIndex((text) => text !== null);
  return { before: ids.slice(0, Math.max(0, first)), after: ids.slice(last + 1) };
}

/** The tokens `<extra_id_0>` and so on. */
function sentinelsOf(tokenizer: Tokenizer): readonly number[] {
  const found: number[] = [];
  for (let id = tokenizer.idOf('<extra_id_0>'); id !== undefined; ) {
    found.push(id);
    id = tokenizer.idOf(`<extra_id_${found.length}>`);
  }
  if (found.length > 0) return found;
  throw new LorikeetError('invalid-argument', 'the tokenizer has no tokens for lost spans', {
    expected: '<extra_id_0> and so on',
  });
}

function required({ special }: Tokenizer, name: 'mask' | 'eos' | 'pad'): number {
  const id = special[name];
  if (id !== undefined) return id;
  throw new LorikeetError('invalid-argument', `the tokenizer has no ${name} token`, {
    hint: `name it in tokenizer_config.json: ${name}_token`,
  });
}
