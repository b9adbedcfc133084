export { type BatchOptions, batch } from './batch.ts';
export { type BucketOptions, bucketByLength } from './bucketByLength.ts';
export { chain } from './chain.ts';
export { type CollateOptions, collate, type TokenRow } from './collate.ts';
export { collect, type Dataset, dataset, type Entry, type Position } from './dataset.ts';
export type { BadRowOptions } from './files/badRow.ts';
export { type ByteSource, textSource } from './files/byteSource.ts';
export { type HubConfig, hubConfigs } from './files/hubCard.ts';
export { type DelimitedOptions, readDelimited, readTsv } from './files/readDelimited.ts';
export { readJson, readJsonArray } from './files/readJson.ts';
export { readJsonLines } from './files/readJsonLines.ts';
export { type Line, readLines } from './files/readLines.ts';
export { type ParquetOptions, type RandomAccessSource, readParquet } from './files/readParquet.ts';
export { type PlacedRow, type Row, type RowPlace, textOf } from './files/row.ts';
export { filter } from './filter.ts';
export { flatMap } from './flatMap.ts';
export { fromArray } from './fromArray.ts';
export { inBlocks } from './inBlocks.ts';
export { map } from './map.ts';
export { type PackedRow, type PackOptions, pack } from './pack.ts';
export { permutation } from './permutation.ts';
export { type ShuffleOptions, shuffle, shuffleBlocks } from './shuffle.ts';
export { skip } from './skip.ts';
export { take } from './take.ts';
export {
  type ClassificationInputs,
  type LabelledTokens,
  type TokenBatchOptions,
  tokenBatches,
} from './tokenBatches.ts';
