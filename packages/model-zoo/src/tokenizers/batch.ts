import { LorikeetError, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { Encoding } from './encoding.ts';

export interface BatchOptions {
  /** Where padding stands. Defaults to what `tokenizer_config.json` says, else right. */
  readonly side?: 'left' | 'right';
  /** Defaults to the longest of the batch. */
  readonly length?: number;
  /** Makes the length one of few, so that few programs are compiled. */
  readonly multipleOf?: number;
}

/** The inputs of a model: integers, B encodings of T tokens. */
export interface BatchInputs {
  /** [B, T] */
  readonly input_ids: Tensor;
  /** [B, T]; 1 where there is a token, 0 where there is padding. */
  readonly attention_mask: Tensor;
  /** [B, T]; of models that tell two texts apart. */
  readonly token_type_ids?: Tensor;
}

/** Throws `invalid-argument` for no encodings, or for one that is longer than `length`. */
export function batchInputs(
  encodings: readonly Encoding[],
  options: BatchOptions & {
    readonly padId: number;
    readonly side: 'left' | 'right';
    readonly hasTypes: boolean;
  },
): BatchInputs {
  const longest = Math.max(0, ...encodings.map(({ ids }) => ids.length));
  const { multipleOf = 1, padId, side, hasTypes } = options;
  const width = Math.ceil((options.length ?? longest) / multipleOf) * multipleOf;
  if (encodings.length === 0 || longest > width) {
    throw new LorikeetError('invalid-argument', 'the texts do not fit into a batch', {
      path: 'length',
      expected: `some encodings of at most ${width} tokens`,
      received: `${encodings.length}, the longest of ${longest}`,
      hint: 'give maxLength to shorten them',
    });
  }
  const rows = (list: (encoding: Encoding) => readonly number[], padding: number): Tensor =>
    tensor(
      encodings.map((encoding) => {
        const values = list(encoding);
        const pad = new Array<number>(width - values.length).fill(padding);
        return side === 'left' ? [...pad, ...values] : [...values, ...pad];
      }),
      [encodings.length, width],
      'i32',
    );
  return {
    input_ids: rows(({ ids }) => ids, padId), // [B, T]
    attention_mask: rows(({ ids }) => ids.map(() => 1), 0), // [B, T]
    ...(hasTypes && { token_type_ids: rows(({ types }) => types, 0) }), // [B, T]
  };
}
