import { LorikeetError } from '@lorikeet/tensor-core';
import {
  type Compressors,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
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
    const metadata = await readable(source, () => parquetMetadataAsync(source));
    const count = Number(metadata.num_rows);
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
    throw new LorikeetError('invalid-file', 'the file cannot be read as Parquet', {
      path: name,
      received: cause instanceof Error ? cause.message : String(cause),
      hint: 'other compressions than Snappy need `compressors`',
      cause,
    });
  }
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
