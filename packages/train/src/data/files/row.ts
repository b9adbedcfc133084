import { LorikeetError } from '@lorikeet/tensor-core';

/** A row of a file: values by the names of their columns. */
export type Row = Readonly<Record<string, unknown>>;

/** Where rows are from, for errors. */
export interface RowPlace {
  readonly file: string;
  /** From 1: the line of a text file, the row of another. */
  readonly line: number;
}

export interface PlacedRow extends RowPlace {
  readonly row: Row;
}

/**
 * Text of a column.
 *
 * @throws LorikeetError `invalid-file` that names the columns there are, if there is no text in that one.
 */
export function textOf({ row, file, line }: PlacedRow, column: string): string {
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  if (typeof value === 'string') return value;
  throw new LorikeetError('invalid-file', `there is no text in the column ${column}`, {
    path: `${file}:${line}`,
    expected: `text in the column ${JSON.stringify(column)}`,
    received:
      value === undefined
        ? `the columns ${Object.keys(row)
            .map((name) => JSON.stringify(name))
            .join(', ')}`
        : JSON.stringify(value),
    hint: 'name the column that holds it, or rename it in the file',
  });
}
