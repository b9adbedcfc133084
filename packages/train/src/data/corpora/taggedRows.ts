import type { Dataset } from '../dataset.ts';
import { type BadRowOptions, badRow, rowOr } from '../files/badRow.ts';
import type { PlacedRow } from '../files/row.ts';
import { flatMap } from '../flatMap.ts';
import type { TaggedSentence } from './conll.ts';

export interface TagColumns {
  /** The column of the list of words. Defaults to `tokens`. */
  readonly words?: string;
  /** The column of the list of tags, by name or number. Defaults to `ner_tags`. */
  readonly tags?: string;
  /** The names of tags that are numbers. */
  readonly names?: readonly string[];
}

/**
 * Sentences out of rows with a list of words and one of tags, as on the Hub: `{"tokens": ["Rome"], "ner_tags": [5]}`.
 *
 * @throws LorikeetError `invalid-file`, with file and line, for other columns, lists of different length, and a tag that has no name.
 */
export function taggedRows(
  rows: Dataset<PlacedRow>,
  { words = 'tokens', tags = 'ner_tags', names = [] }: TagColumns = {},
  options: BadRowOptions = {},
): Dataset<TaggedSentence> {
  return flatMap(rows, (placed) => {
    const sentence = rowOr((): TaggedSentence => {
      const [given, told] = [listOf(placed, words), listOf(placed, tags)];
      if (given.length === 0 || given.length !== told.length) {
        throw badRow(placed.file, placed.line, 'a row has not a tag for each of its words', {
          received: `${given.length} words, ${told.length} tags`,
        });
      }
      return { words: given.map(String), tags: told.map((tag) => nameOf(tag, names, placed)) };
    }, options);
    return sentence === undefined ? [] : [sentence];
  });
}

function listOf({ row, file, line }: PlacedRow, column: string): readonly unknown[] {
  const value = row[column];
  if (Array.isArray(value)) return value;
  throw badRow(file, line, `there is no list in the column ${column}`, {
    received: `the columns ${Object.keys(row).join(', ')}`,
  });
}

function nameOf(tag: unknown, names: readonly string[], { file, line }: PlacedRow): string {
  if (typeof tag === 'string' && (names.length === 0 || names.includes(tag))) return tag;
  const name = typeof tag === 'number' ? names[tag] : undefined;
  if (name !== undefined) return name;
  throw badRow(file, line, 'a tag has no name', {
    expected: names.length === 0 ? 'a text, or `names` for numbers' : `one of ${names.join(', ')}`,
    received: JSON.stringify(tag),
  });
}
