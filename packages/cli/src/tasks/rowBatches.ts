import type { ModelInputs } from '@lorikeet/model-zoo';
import type { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { Batch } from '@lorikeet/train';
import {
  batch,
  type Collated,
  type CollateOptions,
  collate,
  type Dataset,
  flatMap,
  fromArray,
  map,
  shuffle,
} from '@lorikeet/train/data';
import type { BatchPlan } from './task.ts';

/** Examples as batches of rows, of which an example may give any number. */
export function rowBatches<
  Example,
  Row extends { readonly [Field in keyof Row]?: number | readonly number[] } & {
    readonly input_ids: readonly number[];
  },
>(
  examples: readonly Example[],
  rowsOf: (example: Example) => readonly Row[],
  { size, order }: BatchPlan,
  options: CollateOptions,
): Dataset<Batch<Collated<Row> & ModelInputs>> {
  const ordered = order === undefined ? fromArray(examples) : shuffle(examples, order);
  const rows = flatMap(ordered, (example) => rowsOf(example));
  return map(batch(rows, { size }), (some) => {
    const { inputs, tokens } = collate(some, options);
    // Every row has tokens, and so has the batch.
    return { tokens, inputs: inputs as Collated<Row> & ModelInputs };
  });
}

/** With what rows are filled up. */
export function padIdOf({ special }: Tokenizer): number {
  return special.pad ?? special.eos ?? 0;
}

export function nothingToEvaluate(): LorikeetError {
  return new LorikeetError('invalid-argument', 'there is nothing to evaluate on', {
    hint: 'hold out some examples: --evaluation',
  });
}
