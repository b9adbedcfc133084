import { type Dataset, dataset, type Position, requireCount, requireParts } from '../dataset.ts';
import { type BadRowOptions, badRow, rowOr } from './badRow.ts';
import type { ByteSource } from './byteSource.ts';
import { type CsvRecord, csvRecords } from './csvRecords.ts';
import { readLines } from './readLines.ts';
import type { PlacedRow, Row } from './row.ts';

export interface DelimitedOptions extends BadRowOptions {
  /** Defaults to a comma. */
  readonly delimiter?: string;
  /**
   * Whether a field may stand in double quotes, and then hold delimiters and line ends. GLUE's files have single quotes that
   * are plain text: false. Defaults to true.
   */
  readonly quotes?: boolean;
  /** The names of the columns, for a file whose first line does not name them. */
  readonly columns?: readonly string[];
}

/**
 * The rows of a CSV or TSV file, as texts by column. Empty lines are passed over.
 *
 * @throws LorikeetError `invalid-file`, with file and line, for a row with more or fewer fields than there are columns,
 *   wrong quotes, columns named twice, bytes that are not UTF-8.
 */
export function readDelimited(
  source: ByteSource,
  options: DelimitedOptions = {},
): Dataset<PlacedRow> {
  return dataset(async function* (from) {
    const [place = null, names = null] = from === null ? [] : requireParts(from, 2);
    let columns = options.columns ?? namesOf(names);
    for await (const record of recordsOf(source, options, place)) {
      const next: Position = [[record.end, record.lines], columns ?? record.fields];
      if (record.fields.every((field) => field === '')) continue;
      if (columns === undefined) {
        columns = requireColumns(record, source.name);
        continue;
      }
      const row = rowOr(() => rowOf(record, columns ?? [], source.name), options);
      if (row !== undefined) yield { item: { row, file: source.name, line: record.line }, next };
    }
  });
}

/** Tab-separated, and quotes are plain text: as GLUE's and most corpora's files are. */
export function readTsv(
  source: ByteSource,
  options: Omit<DelimitedOptions, 'delimiter'> = {},
): Dataset<PlacedRow> {
  return readDelimited(source, { quotes: false, ...options, delimiter: '\t' });
}

async function* recordsOf(
  source: ByteSource,
  { delimiter = ',', quotes = true }: DelimitedOptions,
  place: Position,
): AsyncGenerator<CsvRecord> {
  if (quotes) {
    const [byte = null, lines = null] = place === null ? [] : requireParts(place, 2);
    yield* csvRecords(source, delimiter, {
      byte: requireCount(byte, Number.MAX_SAFE_INTEGER),
      lines: requireCount(lines, Number.MAX_SAFE_INTEGER),
    });
    return;
  }
  for await (const { item, next } of readLines(source).entries(place)) {
    const [end = null] = requireParts(next, 2);
    yield {
      fields: item.text.split(delimiter),
      line: item.number,
      end: requireCount(end, Number.MAX_SAFE_INTEGER),
      lines: item.number,
      fault: undefined,
    };
  }
}

function rowOf({ fields, line, fault }: CsvRecord, columns: readonly string[], file: string): Row {
  if (fault !== undefined) {
    throw badRow(file, line, `a field is quoted wrongly: ${fault}`, {
      hint: 'if quotes are plain text in this file, read it with `quotes: false`',
    });
  }
  if (fields.length !== columns.length) {
    throw badRow(file, line, 'a row has not one field for each column', {
      expected: `${columns.length} fields (${columns.join(', ')})`,
      received: `${fields.length} fields`,
      hint: 'pass `onBadRow` to leave such rows out',
    });
  }
  return Object.fromEntries(columns.map((column, i) => [column, fields[i]]));
}

function requireColumns({ fields, line }: CsvRecord, file: string): readonly string[] {
  const twice = fields.find((name, i) => fields.indexOf(name) !== i);
  if (twice === undefined) return fields;
  throw badRow(file, line, `two columns are named ${JSON.stringify(twice)}`, {
    hint: 'if the first line is a row, give the names as `columns`',
  });
}

function namesOf(position: Position): readonly string[] | undefined {
  if (!Array.isArray(position)) return undefined;
  return position.map(String);
}
