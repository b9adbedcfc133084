import { baseOf, type Embedding } from '@lorikeet/nn';
import { iota, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { ModelInputs } from './model.ts';

/**
 * Where each token stands: as given, or counted from 0.
 *
 * @param table [rows, D]; a row for each position that the model knows.
 * @returns [B, T] or [1, T]
 * @throws LorikeetError `index-out-of-range` if there are more tokens than positions.
 */
export function positionsOf({ input_ids, position_ids }: ModelInputs, table: Embedding): Tensor {
  if (position_ids !== undefined) return position_ids;
  const [time = 0, most = 0] = [input_ids.shape[1], baseOf(table.weight).shape[0]];
  if (time <= most) return iota([1, time], 1);
  throw new LorikeetError('index-out-of-range', 'the input is longer than the model can read', {
    expected: `at most ${most} tokens`,
    received: `${time}`,
    hint: 'cut the text, or split it',
  });
}
