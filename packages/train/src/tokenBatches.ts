import { foldIn, LorikeetError, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { Batch } from './fitOptions.ts';
import { permutation } from './permutation.ts';

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
  readonly shuffle?: { readonly seed: number; readonly epoch: number };
}

/**
 * Batches of examples, padded on the right to the longest of the batch (rounded up). The last batch may be
 * smaller.
 *
 * @throws LorikeetError `invalid-argument` for an empty text or a label that is no whole number from 0 up.
 */
export async function* tokenBatches(
  examples: readonly LabelledTokens[],
  options: TokenBatchOptions,
): AsyncGenerator<Batch<ClassificationInputs>> {
  const { batchSize, shuffle } = options;
  const order =
    shuffle === undefined
      ? examples.map((_, i) => i)
      : await permutation(foldIn(randomKey(shuffle.seed), shuffle.epoch), examples.length);
  for (let start = 0; start < order.length; start += batchSize) {
    const rows = order.slice(start, start + batchSize).flatMap((i) => {
      const example = examples[i];
      return example === undefined ? [] : [requireValid(example, i)];
    });
    yield padRows(rows, options);
  }
}

function padRows(
  rows: readonly LabelledTokens[],
  { maxLength, bucket = 16, padId }: TokenBatchOptions,
): Batch<ClassificationInputs> {
  const longest = Math.max(...rows.map(({ ids }) => Math.min(ids.length, maxLength)));
  const length = Math.min(Math.ceil(longest / bucket) * bucket, maxLength);
  const ids = new Int32Array(rows.length * length).fill(padId);
  const mask = new Int32Array(rows.length * length);
  let tokens = 0;
  rows.forEach((row, i) => {
    const kept = row.ids.slice(0, length);
    ids.set(kept, i * length);
    mask.fill(1, i * length, i * length + kept.length);
    tokens += kept.length;
  });
  const shape = [rows.length, length];
  return {
    tokens,
    inputs: {
      input_ids: tensor(ids, shape, 'i32'),
      attention_mask: tensor(mask, shape, 'i32'),
      labels: tensor(
        Int32Array.from(rows, ({ label }) => label),
        [rows.length],
        'i32',
      ),
    },
  };
}

function requireValid(example: LabelledTokens, index: number): LabelledTokens {
  const { ids, label } = example;
  if (ids.length > 0 && Number.isInteger(label) && label >= 0) return example;
  throw new LorikeetError('invalid-argument', `example ${index} cannot be trained on`, {
    expected: 'at least one token and a label that is a whole number from 0 up',
    received: `${ids.length} tokens, label ${label}`,
  });
}
