import type { Dataset } from '../dataset.ts';
import { type BadRowOptions, badRow, rowOr } from '../files/badRow.ts';
import { type PlacedRow, textOf } from '../files/row.ts';
import { flatMap } from '../flatMap.ts';
import type { TextExample } from './glue.ts';
import { labelOf } from './label.ts';

export interface TextColumns {
  /** The column of the text. Defaults to `text`. */
  readonly text?: string;
  /** The column of a second text. */
  readonly pair?: string;
  /** The column of the label. Defaults to `label`. */
  readonly label?: string;
  /** The names of the classes by their numbers; without any, labels are numbers to be told (regression). */
  readonly classes: readonly string[];
}

/**
 * Texts with labels out of any file of rows, by the names of its columns.
 *
 * @throws LorikeetError `invalid-file`, with file and line, for a column that is not there, a text that is empty, and a label that is
 *   no class (or no number).
 */
export function textExamples(
  rows: Dataset<PlacedRow>,
  { text = 'text', pair, label = 'label', classes }: TextColumns,
  options: BadRowOptions = {},
): Dataset<TextExample> {
  return flatMap(rows, (placed) => {
    const example = rowOr((): TextExample => {
      const told = classes.length > 0 ? labelOf(placed, label, classes) : numberOf(placed, label);
      const first = textOf(placed, text);
      if (first.trim() === '') throw badRow(placed.file, placed.line, 'the text is empty');
      return {
        text: first,
        ...(pair === undefined ? {} : { pair: textOf(placed, pair) }),
        ...(told === undefined ? {} : { label: told }),
      };
    }, options);
    return example === undefined ? [] : [example];
  });
}

/**
 * The names of the classes that a column has, sorted: numbers by their size, else by code points. Reads all rows.
 *
 * @throws LorikeetError `invalid-file` if there is no row, or one without a label.
 */
export async function classesOf(
  rows: AsyncIterable<PlacedRow>,
  label = 'label',
): Promise<string[]> {
  const names = new Set<string>();
  let last: PlacedRow | undefined;
  for await (const placed of rows) {
    last = placed;
    const value = placed.row[label];
    if (typeof value === 'string' || typeof value === 'number') names.add(String(value));
    else textOf(placed, label);
  }
  if (last === undefined) throw badRow('the data', 0, 'there is no row to take classes from');
  const sorted = [...names].sort((a, b) => (a < b ? -1 : 1));
  const numbers = sorted.map(Number);
  return numbers.every(Number.isFinite) ? sorted.sort((a, b) => Number(a) - Number(b)) : sorted;
}

function numberOf({ row, file, line }: PlacedRow, column: string): number | undefined {
  const value = row[column];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(number)) return number;
  throw badRow(file, line, `the column ${column} has no number`, {
    received: JSON.stringify(value),
  });
}
