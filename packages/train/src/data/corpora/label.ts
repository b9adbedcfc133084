import { badRow } from '../files/badRow.ts';
import type { PlacedRow } from '../files/row.ts';

/**
 * The number of a row's class.
 *
 * @param names of the classes; a row may hold the name, or the number, also as text. -1 and nothing are no class.
 * @throws LorikeetError `invalid-file`, with file and line, for a label that is none of them.
 */
export function labelOf(
  { row, file, line }: PlacedRow,
  column: string,
  names: readonly string[],
): number | undefined {
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  if (value === undefined || value === null || value === -1 || value === '') return undefined;
  const named = names.indexOf(String(value));
  if (named !== -1) return named;
  const number =
    typeof value === 'number' ? value : /^\d+$/.test(String(value)) ? Number(value) : -1;
  if (Number.isInteger(number) && number >= 0 && number < names.length) return number;
  throw badRow(file, line, `the label in the column ${column} is no class`, {
    expected: `one of ${names.join(', ')}, or a number from 0 to ${names.length - 1}`,
    received: JSON.stringify(value),
  });
}
