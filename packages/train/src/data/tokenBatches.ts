import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Batch } from '../fitOptions.ts';
import { batch } from './batch.ts';
import { collate } from './collate.ts';
import type { Dataset } from './dataset.ts';
import { fromArray } from './fromArray.ts';
import { map } from './map.ts';
import { type ShuffleOptions, shuffle as shuffled } from './shuffle.ts';

/** A text as token ids, with the number of its class. */
export interface LabelledTokens {
  readonly ids: readonly number[];
  readonly label: number;
}

/** Model inputs under transformers' names. */
export interface ClassificationInputs {
  /** [B, T] i32 */
  readonly input_ids: Tensor;
  /** [B, T] i32; 1 where there is a token. */
  readonly attention_mask: Tensor;
  /** [B] i32 */
  readonly labels: Tensor;
}

export interface TokenBatchOptions {
  readonly batchSize: number;
  /** Longer texts are cut. */
  readonly maxLength: number;
  /** Lengths are rounded up to a multiple of this, so that few plans are compiled. Defaults to 16. */
  readonly bucket?: number;
  readonly padId: number;
  /** With it, the order is shuffled by seed and epoch; without it, it is that of the examples. */
  readonly shuffle?: ShuffleOptions;
}

/**
 * Batches of examples, padded on the right to the longest of the batch (rounded up). The last batch may be
 * smaller. Going on from the position of a batch costs no reading of those before.
 *
 * @throws LorikeetError `invalid-argument`, when it is reached, for an empty text or a label that is no whole number
 *   from 0 up.
 */
export function tokenBatches(
  examples: readonly LabelledTokens[],
  { batchSize, maxLength, bucket = 16, padId, shuffle }: TokenBatchOptions,
): Dataset<Batch<ClassificationInputs>> {
  const numbered = examples.map((example, index) => ({ example, index }));
  const ordered = shuffle === undefined ? fromArray(numbered) : shuffled(numbered, shuffle);
  const rows = map(ordered, ({ example, index }) => {
    requireValid(example, index);
    return { input_ids: example.ids.slice(0, maxLength), labels: example.label };
  });
  return map(batch(rows, { size: batchSize }), (some) =>
    collate(some, { padId, maxLength, multiple: bucket }),
  );
}

function requireValid({ ids, label }: LabelledTokens, index: number): void {
  if (ids.length > 0 && Number.isInteger(label) && label >= 0) return;
  throw new LorikeetError('invalid-argument', `example ${index} cannot be trained on`, {
    expected: 'at least one token and a label that is a whole number from 0 up',
    received: `${ids.length} tokens, label ${label}`,
  });
}
