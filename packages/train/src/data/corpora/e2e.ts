import { LorikeetError } from '@lorikeet/tensor-core';
import { type Dataset, dataset, type Position } from '../dataset.ts';
import { badRow } from '../files/badRow.ts';
import type { ByteSource } from '../files/byteSource.ts';
import { readDelimited } from '../files/readDelimited.ts';
import { type PlacedRow, textOf } from '../files/row.ts';

export interface Slot {
  readonly name: string;
  readonly value: string;
}

/** What is to be said, and the texts that say it. */
export interface Described {
  /** As it stands in the file: `name[The Vaults], eatType[pub]`. */
  readonly meaning: string;
  readonly slots: readonly Slot[];
  readonly references: readonly string[];
}

/**
 * The meanings of E2E NLG, a CSV file with `mr` and `ref` (`MR` and no reference in its test set). Rows that follow each
 * other with the same meaning are one with several references: in training, `flatMap` parts them.
 * Novikova et al., "The E2E dataset" (SIGDIAL 2017).
 *
 * @throws LorikeetError `invalid-file`, with file and line, for wrong columns and a meaning that cannot be read.
 */
export function readE2e(source: ByteSource): Dataset<Described> {
  return dataset(async function* (from) {
    let open: Described | undefined;
    let end: Position = from;
    for await (const { item, next } of readDelimited(source).entries(from)) {
      const { meaning, slots, references } = describe(item);
      if (open?.meaning === meaning) {
        open = { ...open, references: [...open.references, ...references] };
      } else {
        if (open !== undefined) yield { item: open, next: end };
        open = { meaning, slots, references };
      }
      end = next;
    }
    if (open !== undefined) yield { item: open, next: end };
  });
}

function describe(placed: PlacedRow): Described {
  const meaning = textOf(placed, Object.hasOwn(placed.row, 'MR') ? 'MR' : 'mr');
  const references = Object.hasOwn(placed.row, 'ref') ? [textOf(placed, 'ref')] : [];
  try {
    return { meaning, slots: parseMeaning(meaning), references };
  } catch (cause) {
    if (!(cause instanceof LorikeetError)) throw cause;
    throw badRow(placed.file, placed.line, cause.summary, { received: cause.received, cause });
  }
}

/**
 * The slots of a meaning such as `name[The Vaults], eatType[pub]`.
 *
 * @throws LorikeetError `invalid-argument` for another form.
 */
export function parseMeaning(meaning: string): Slot[] {
  const slot = /\s*([^[\],]+)\[([^\]]*)\]\s*(,|$)/y;
  const slots: Slot[] = [];
  while (slot.lastIndex < meaning.length) {
    const at = slot.lastIndex;
    const [, name, value, comma] = slot.exec(meaning) ?? [];
    if (
      name === undefined ||
      value === undefined ||
      (comma === ',' && slot.lastIndex === meaning.length)
    ) {
      throw new LorikeetError('invalid-argument', 'a meaning is not a list of slots', {
        expected: 'name[value], name[value]',
        received: JSON.stringify(meaning.slice(at)),
      });
    }
    slots.push({ name: name.trim(), value: value.trim() });
  }
  if (slots.length > 0) return slots;
  throw new LorikeetError('invalid-argument', 'a meaning is not a list of slots', {
    received: JSON.stringify(meaning),
  });
}
