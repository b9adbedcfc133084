import type { Dataset } from '../dataset.ts';
import { flatMap } from '../flatMap.ts';
import { type BadRowOptions, badRow, rowOr } from './badRow.ts';
import type { ByteSource } from './byteSource.ts';
import { type Line, readLines } from './readLines.ts';
import type { PlacedRow, Row } from './row.ts';

/**
 * The rows of a JSONL file, one object a line. Empty lines are passed over.
 *
 * @throws LorikeetError `invalid-file`, with file and line, for a line that is not an object in JSON.
 */
export function readJsonLines(source: ByteSource, options: BadRowOptions = {}): Dataset<PlacedRow> {
  return flatMap(readLines(source), (line) => {
    if (line.text.trim() === '') return [];
    const row = rowOr(() => parseRow(line, source.name), options);
    return row === undefined ? [] : [{ row, file: source.name, line: line.number }];
  });
}

function parseRow({ text, number }: Line, file: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badRow(file, number, 'a line is not JSON', {
      received: excerpt(text),
      hint: 'a JSONL file has one JSON object a line',
      cause,
    });
  }
  if (isRow(value)) return value;
  throw badRow(file, number, 'a line is not an object', { received: excerpt(text) });
}

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
