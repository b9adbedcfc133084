import { baseOf, type Embedding } from '@lorikeet/nn';
import { cumsum, iota, LorikeetError, mul, notEqual, type Tensor } from '@lorikeet/tensor-core';
import type { ModelInputs } from './model.ts';

/**
 * Where each token stands: as given, or counted from 0, and behind what was before.
 *
 * @param table [rows, D]; a row for each position that the model knows.
 * @returns [B, T] or [1, T]
 * @throws LorikeetError `index-out-of-range` if there are more tokens than positions.
 */
export function positionsOf(inputs: ModelInputs, table: Embedding): Tensor {
  if (inputs.position_ids !== undefined) return inputs.position_ids;
  return countedPositions(inputs, baseOf(table.weight).shape[0] ?? 0);
}

/**
 * Where each token stands, counted from 0 and behind what was before: [1, T].
 *
 * @param most positions that there are; no end to them without it.
 */
export function countedPositions(inputs: ModelInputs, most?: number): Tensor {
  const [, time] = sizesOf(inputs);
  const { cache_position: place } = inputs;
  if (place !== undefined) return iota([1, time], 1).add(place);
  const past = pastLength(inputs);
  if (most !== undefined) requireRoom(past + time, most);
  return iota([1, time], 1).add(past);
}

/**
 * Where each token stands if padding does not count: as given, or from the position behind `padId` on, where padding is.
 * Vectors in the place of tokens are no padding.
 *
 * @param table [rows, D]; the first `padId + 1` rows are of no token.
 * @returns [B, T] or [1, T]
 * @throws LorikeetError `index-out-of-range` if there are more tokens than positions.
 */
export function tokenPositions(inputs: ModelInputs, table: Embedding, padId: number): Tensor {
  if (inputs.position_ids !== undefined) return inputs.position_ids;
  const [[, time], past] = [sizesOf(inputs), pastLength(inputs)];
  requireRoom(past + time, (baseOf(table.weight).shape[0] ?? 0) - padId - 1);
  if (inputs.input_ids === undefined) return iota([1, time], 1).add(past + padId + 1);
  const isToken = notEqual(inputs.input_ids, padId).cast('i32');
  return mul(cumsum(isToken, 1).add(past), isToken).add(padId);
}

/** Throws `index-out-of-range` if there are more tokens than positions. */
export function requireRoom(length: number, most: number): void {
  if (length <= most) return;
  throw new LorikeetError('index-out-of-range', 'the input is longer than the model can read', {
    expected: `at most ${most} tokens`,
    received: `${length}`,
    hint: 'cut the text, or split it',
  });
}

/** The shape of the tokens, [B, T]. */
export function sizesOf(inputs: ModelInputs): readonly [batch: number, time: number] {
  const [batch = 0, time = 0] = (inputs.inputs_embeds ?? inputs.input_ids).shape;
  return [batch, time];
}

/** How many positions are before the tokens. */
export function pastLength({ past_key_values: past }: ModelInputs): number {
  return past?.[0]?.key.shape[2] ?? 0;
}
