import { LorikeetError } from '@lorikeet/tensor-core';
import { type Dataset, dataset } from '../dataset.ts';
import { type DelimitedOptions, readDelimited, readTsv } from '../files/readDelimited.ts';
import { readJsonArray } from '../files/readJson.ts';
import { readJsonLines } from '../files/readJsonLines.ts';
import { type ParquetOptions, readParquet } from '../files/readParquet.ts';
import type { PlacedRow } from '../files/row.ts';
import { fileSource, randomAccessFile } from './fileSource.ts';

export type RowsOptions = Omit<DelimitedOptions, 'columns'> & ParquetOptions;

/**
 * The rows of a file, by its name: `.jsonl`, `.ndjson`, `.json` (a list), `.csv`, `.tsv` (without quotes), each also with
 * `.gz`, and `.parquet`.
 *
 * @throws LorikeetError `unsupported` for another name, and what the reader of the format throws.
 */
export function readRows(path: string, options: RowsOptions = {}): Dataset<PlacedRow> {
  const { columns, compressors, ...text } = options;
  const names = columns === undefined ? text : { ...text, columns };
  switch (/\.(\w+)(\.gz)?$/.exec(path)?.[1]?.toLowerCase()) {
    case 'jsonl':
    case 'ndjson':
      return readJsonLines(fileSource(path), text);
    case 'json':
      return readJsonArray(fileSource(path));
    case 'csv':
      return readDelimited(fileSource(path), names);
    case 'tsv':
      return readTsv(fileSource(path), names);
    case 'parquet':
      return dataset(async function* (from) {
        const source = await randomAccessFile(path);
        yield* readParquet(source, options).entries(from);
      });
    default:
      throw new LorikeetError('unsupported', 'the name does not tell how the file is read', {
        path,
        expected: '.jsonl, .ndjson, .json, .csv, .tsv or .parquet',
      });
  }
}
