import { Context } from '@lorikeet/nn';
import {
  argmax,
  compile,
  LorikeetError,
  sliceAxis,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { logitsOf, type Model, type TokenInputs } from './model.ts';

/** The prompt: rows of one length, padded on the left where they are shorter. */
export type Prompt = Pick<TokenInputs, 'input_ids' | 'attention_mask'>;

/**
 * Goes on with each prompt by the most likely token, over and over. Every token runs the model on the whole
 * sequence: a cache comes later.
 *
 * @returns for each row the prompt and the new tokens.
 * @throws LorikeetError `invalid-argument` if the model is not causal, or there is nothing to start from or to generate.
 */
export async function generateGreedy(
  model: Model,
  prompt: Prompt,
  options: { readonly maxNewTokens: number },
): Promise<number[][]> {
  const { maxNewTokens } = options;
  if (model.isCausal !== true) {
    throw new LorikeetError('invalid-argument', 'generateGreedy: the model is not causal', {
      expected: 'a model such as GPT2LMHeadModel',
      received: model.constructor.name,
    });
  }
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) {
    throw new LorikeetError(
      'invalid-argument',
      'generateGreedy: maxNewTokens must be a whole number above 0',
      { received: String(maxNewTokens) },
    );
  }
  const [batch = 0, length = 0] = prompt.input_ids.shape;
  if (length === 0) {
    throw new LorikeetError('invalid-argument', 'generateGreedy: the prompt is empty', {
      expected: 'input_ids [B, T] with T above 0',
      received: prompt.input_ids.toString(),
      hint: 'start with bos_token_id',
    });
  }
  const total = length + maxNewTokens;
  const rows = rowsOf(await prompt.input_ids.data(), batch, length);
  const masks =
    prompt.attention_mask === undefined
      ? rows.map((row) => row.map(() => 1))
      : rowsOf(await prompt.attention_mask.data(), batch, length);

  // All sequences have the final length from the start, so that one program serves every token: what is not
  // there yet is masked, and a causal model does not look ahead.
  const next = compile((inputs: TokenInputs, last: Tensor) => {
    const { shape } = inputs.input_ids;
    const all = argmax(logitsOf(model.call(inputs, Context.evaluation))); // [B, P + T] with P virtual tokens
    const choices = sliceAxis(all, 1, (all.shape[1] ?? total) - total, total); // [B, T]
    const isLast = last.broadcastTo(shape); // [B, T]
    return choices.mul(isLast).sum(1); // [B]
  });
  for (let end = length; end < total; end++) {
    const positions = masks.map(positionsOf);
    const filled = (lists: readonly (readonly number[])[]): Tensor =>
      tensor(
        Int32Array.from(
          lists.flatMap((list) => [...list, ...new Array<number>(total - end).fill(0)]),
        ),
        [batch, total],
        'i32',
      );
    const inputs = {
      input_ids: filled(rows),
      attention_mask: filled(masks),
      position_ids: filled(positions),
    };
    const isLast = tensor(
      Int32Array.from({ length: total }, (_, i) => (i === end - 1 ? 1 : 0)),
      [1, total],
      'i32',
    );
    const chosen = await next(inputs, isLast).data();
    for (const [i, row] of rows.entries()) row.push(chosen[i] as number);
    for (const mask of masks) mask.push(1);
  }
  return rows;
}

/** As transformers counts them: padding on the left does not count, and stands at 1. */
function positionsOf(mask: readonly number[]): number[] {
  let count = 0;
  return mask.map((kept) => {
    count += kept;
    return kept === 0 ? 1 : count - 1;
  });
}

function rowsOf(data: ArrayLike<number>, batch: number, length: number): number[][] {
  return Array.from({ length: batch }, (_, i) =>
    Array.from({ length }, (_unused, j) => data[i * length + j] as number),
  );
}
