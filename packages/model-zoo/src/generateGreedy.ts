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
 * @returns for each row the prompt and the new tokens; of a model with an encoder and a decoder the token that the decoder
 *   starts with, and the new ones.
 * @throws LorikeetError `invalid-argument` if the model is not causal, or there is nothing to start from or to generate.
 */
export async function generateGreedy(
  model: Model,
  prompt: Prompt,
  options: { readonly maxNewTokens: number },
): Promise<number[][]> {
  const { maxNewTokens } = options;
  if (model.isCausal !== true && model.decoderStart === undefined) {
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
  if (prompt.input_ids.shape[1] === 0) {
    throw new LorikeetError('invalid-argument', 'generateGreedy: the prompt is empty', {
      expected: 'input_ids [B, T] with T above 0',
      received: prompt.input_ids.toString(),
      hint: 'start with bos_token_id',
    });
  }
  return model.decoderStart === undefined
    ? await goOn(model, prompt, maxNewTokens)
    : await answer(model, prompt, model.decoderStart, maxNewTokens);
}

async function goOn(model: Model, prompt: Prompt, maxNewTokens: number): Promise<number[][]> {
  const [batch = 0, length = 0] = prompt.input_ids.shape;
  const total = length + maxNewTokens;
  const rows = rowsOf(await prompt.input_ids.data(), batch, length);
  const masks =
    prompt.attention_mask === undefined
      ? rows.map((row) => row.map(() => 1))
      : rowsOf(await prompt.attention_mask.data(), batch, length);

  // All sequences have the final length from the start, so that one program serves every token: what is not
  // there yet is masked, and a causal model does not look ahead.
  const next = nextToken(model, total);
  for (let end = length; end < total; end++) {
    const positions = masks.map(positionsOf);
    const inputs = {
      input_ids: filled(rows, total),
      attention_mask: filled(masks, total),
      position_ids: filled(positions, total),
    };
    const chosen = await next(inputs, only(end - 1, total)).data();
    for (const [i, row] of rows.entries()) row.push(chosen[i] as number);
    for (const mask of masks) mask.push(1);
  }
  return rows;
}

async function answer(
  model: Model,
  prompt: Prompt,
  start: number,
  maxNewTokens: number,
): Promise<number[][]> {
  const [batch = 0] = prompt.input_ids.shape;
  const next = nextToken(model, maxNewTokens);
  const rows = Array.from({ length: batch }, () => [start]);
  for (let end = 1; end <= maxNewTokens; end++) {
    const inputs = { ...prompt, decoder_input_ids: filled(rows, maxNewTokens) };
    const chosen = await next(inputs, only(end - 1, maxNewTokens)).data();
    for (const [i, row] of rows.entries()) row.push(chosen[i] as number);
  }
  return rows;
}

/** The most likely token behind the one that `last` marks, compiled: [B]. */
function nextToken(model: Model, total: number): (inputs: TokenInputs, last: Tensor) => Tensor {
  return compile((inputs: TokenInputs, last: Tensor) => {
    const all = argmax(logitsOf(model.call(inputs, Context.evaluation))); // [B, P + T] with P virtual tokens
    const choices = sliceAxis(all, 1, (all.shape[1] ?? total) - total, total); // [B, T]
    return choices.mul(last.broadcastTo(choices.shape)).sum(1); // [B]
  });
}

/** Rows of one length, filled up with 0: [B, total]. */
function filled(rows: readonly (readonly number[])[], total: number): Tensor {
  const full = rows.flatMap((row) => [...row, ...new Array<number>(total - row.length).fill(0)]);
  return tensor(Int32Array.from(full), [rows.length, total], 'i32');
}

/** 1 at `place`, and 0 elsewhere: [1, total]. */
function only(place: number, total: number): Tensor {
  const marks = Int32Array.from({ length: total }, (_, i) => (i === place ? 1 : 0));
  return tensor(marks, [1, total], 'i32');
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
