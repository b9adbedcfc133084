import { LorikeetError } from '@lorikeet/tensor-core';
import { type Dataset, dataset, type Position, requireCount, requireParts } from './dataset.ts';

export interface PackOptions {
  /** Tokens of a row. */
  readonly length: number;
  /** Ends each text, and counts as one of its tokens: the end-of-text token. Without it, texts follow each other directly. */
  readonly separator?: number;
  /** What becomes of the last tokens that fill no row. Defaults to 'drop'. */
  readonly rest?: 'drop' | 'keep';
}

/** A row without padding, cut from texts that follow each other. */
export interface PackedRow {
  readonly input_ids: readonly number[];
  /** The tokens themselves; -100 where a text begins, since the one before does not tell it. */
  readonly labels: readonly number[];
  /** Where the token stands in its text, or in the row's part of it: counted from 0 in each text. */
  readonly position_ids: readonly number[];
  /** The text of the token, counted from 0 in the row: attention may be kept to equal numbers. */
  readonly documents: readonly number[];
}

/**
 * Texts as rows of one length: concatenated and cut, so that no token is padding and none but the rest is lost. Causal
 * attention over a row sees the texts before, as in GPT-2's training; a model that takes `documents` into its mask, or
 * `position_ids`, keeps them apart. A text that is cut goes on in the next row with positions from 0.
 */
export function pack(
  data: Dataset<readonly number[]>,
  { length, separator, rest = 'drop' }: PackOptions,
): Dataset<PackedRow> {
  if (!Number.isInteger(length) || length < 1) {
    throw new LorikeetError('invalid-argument', 'a packed row has at least one token', {
      received: String(length),
    });
  }
  return dataset(async function* (from) {
    const [start = null, given = null] = from === null ? [] : requireParts(from, 2);
    let offset = requireCount(given, Number.MAX_SAFE_INTEGER);
    let before: Position = start;
    let row = new RowBuilder();
    for await (const { item, next } of data.entries(start)) {
      const tokens = separator === undefined ? item : [...item, separator];
      while (offset < tokens.length) {
        const part = tokens.slice(offset, offset + length - row.size);
        row.add(part, offset === 0);
        offset += part.length;
        if (row.size < length) continue;
        const isUsedUp = offset === tokens.length;
        yield { item: row.done(), next: isUsedUp ? [next, 0] : [before, offset] };
        row = new RowBuilder();
      }
      before = next;
      offset = 0;
    }
    if (row.size > 0 && rest === 'keep') yield { item: row.done(), next: [before, 0] };
  });
}

class RowBuilder {
  readonly #ids: number[] = [];
  readonly #labels: number[] = [];
  readonly #positions: number[] = [];
  readonly #documents: number[] = [];
  #document = -1;

  get size(): number {
    return this.#ids.length;
  }

  add(part: readonly number[], isBeginning: boolean): void {
    this.#document += 1;
    for (const [i, id] of part.entries()) {
      this.#labels.push(isBeginning && i === 0 ? -100 : id);
      this.#ids.push(id);
      this.#positions.push(i);
      this.#documents.push(this.#document);
    }
  }

  done(): PackedRow {
    return {
      input_ids: this.#ids,
      labels: this.#labels,
      position_ids: this.#positions,
      documents: this.#documents,
    };
  }
}
