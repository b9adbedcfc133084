import { LorikeetError } from '@lorikeet/tensor-core';
import {
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { type Dataset, dataset, requireCount } from '../dataset.ts';
import type { PlacedRow, Row } from './row.ts';

/** A file's bytes, to be read from any place. */
export interface RandomAccessSource {
  readonly name: string;
  readonly byteLength: number;
  slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer>;
}

export interface ParquetOptions {
  /** The columns to read. Defaults to all. */
  readonly columns?: readonly string[];
  /** For files that are not compressed with Snappy: those of the package `hyparquet-compressors`. */
  readonly compressors?: Compressors;
}

/** Rows that are decoded at a time. */
const rowsAtOnce = 1000;

/**
 * The rows of a Parquet file, of which only what is read is fetched. Whole numbers of 64 bits become numbers where those
 * are exact.
 *
 * @throws LorikeetError `invalid-file` for a file that is not Parquet, that is torn, or that lacks a column.
 */
export function readParquet(
  source: RandomAccessSource,
  { columns, compressors }: ParquetOptions = {},
): Dataset<PlacedRow> {
  return dataset(async function* (from) {
    // The search for geographic columns runs without end on some torn files.
    const metadata = await readable(source, () =>
      parquetMetadataAsync(source, { geoparquet: false }),
    );
    await readable(source, async () => requireColumnsOfSchema(source.name, metadata));
    const count = Number(metadata.num_rows);
    const grouped = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
    if (count !== grouped) throw torn(source.name, `${count} rows`, `${grouped} in its groups`);
    if (columns !== undefined) {
      const known = parquetSchema(metadata).children.map(({ element }) => element.name);
      requireColumns(source.name, known, columns);
    }
    for (let start = requireCount(from, count); start < count; start += rowsAtOnce) {
      const rows = await readable(source, () =>
        parquetReadObjects({
          file: source,
          metadata,
          rowStart: start,
          rowEnd: Math.min(start + rowsAtOnce, count),
          ...(columns === undefined ? {} : { columns: [...columns] }),
          ...(compressors === undefined ? {} : { compressors }),
        }),
      );
      const expected = Math.min(rowsAtOnce, count - start);
      if (rows.length !== expected) throw torn(source.name, `${expected} rows`, `${rows.length}`);
      for (const [i, row] of rows.entries()) {
        const item = { row: plain(row) as Row, file: source.name, line: start + i + 1 };
        yield { item, next: start + i + 1 };
      }
    }
  });
}

async function readable<T>({ name }: RandomAccessSource, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof LorikeetError) throw cause;
    throw new LorikeetError('invalid-file', 'the file cannot be read as Parquet', {
      path: name,
      received: cause instanceof Error ? cause.message : String(cause),
      hint: 'other compressions than Snappy need `compressors`',
      cause,
    });
  }
}

/**
 * hyparquet forgets a column that its schema does not have after it began to read it, so that a fault in it would end the
 * process as a rejection that nobody waits for.
 */
function requireColumnsOfSchema(file: string, metadata: FileMetaData): void {
  const known = new Set(leafPaths(parquetSchema(metadata)));
  for (const { columns } of metadata.row_groups) {
    const paths = columns.map(({ meta_data }) => meta_data?.path_in_schema.join('.') ?? '');
    if (paths.every((path) => known.has(path)) && new Set(paths).size === paths.length) continue;
    throw torn(file, `the columns ${[...known].join(', ')}`, paths.join(', '));
  }
}

function torn(file: string, expected: string, received: string): LorikeetError {
  return new LorikeetError('invalid-file', 'the parts of the file do not agree', {
    path: file,
    expected,
    received,
    hint: 'the file is torn: fetch it again',
  });
}

function leafPaths({ path, children }: SchemaTree): string[] {
  return children.length === 0 ? [path.join('.')] : children.flatMap(leafPaths);
}

function requireColumns(file: string, known: readonly string[], wanted: readonly string[]): void {
  const missing = wanted.filter((column) => !known.includes(column));
  if (missing.length === 0) return;
  throw new LorikeetError('invalid-file', `the file has no column ${missing.join(', ')}`, {
    path: file,
    expected: wanted.join(', '),
    received: known.join(', '),
  });
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}
