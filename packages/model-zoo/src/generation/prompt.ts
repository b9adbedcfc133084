import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Model, TokenInputs } from '../model.ts';

/** The prompt: rows of one length, padded on the left where they are shorter. */
export type Prompt = Pick<TokenInputs, 'input_ids' | 'attention_mask'>;

/** A prompt as numbers. */
export interface PromptRows {
  readonly rows: readonly (readonly number[])[];
  /** 1 where there is a token, 0 where there is padding. */
  readonly masks: readonly (readonly number[])[];
}

/** Throws `invalid-argument` if the model does not tell the next token. */
export function requireGenerator(model: Model): void {
  if (model.isCausal === true || model.decoderStart !== undefined) return;
  throw new LorikeetError('invalid-argument', 'generate: the model is not causal', {
    expected: 'a model such as GPT2LMHeadModel or T5ForConditionalGeneration',
    received: model.constructor.name,
  });
}

/** The numbers of a prompt. Throws `invalid-argument` where it has none. */
export async function readPrompt({ input_ids, attention_mask }: Prompt): Promise<PromptRows> {
  const [batch = 0, length = 0] = input_ids.shape;
  if (batch === 0 || length === 0) {
    throw new LorikeetError('invalid-argument', 'generate: the prompt is empty', {
      expected: 'input_ids [B, T] with T above 0',
      received: input_ids.toString(),
      hint: 'start with bos_token_id',
    });
  }
  const rows = rowsOf(await input_ids.data(), batch, length);
  const masks =
    attention_mask === undefined
      ? rows.map((row) => row.map(() => 1))
      : await maskRows(attention_mask, batch, length);
  return { rows, masks };
}

async function maskRows(mask: Tensor, batch: number, length: number): Promise<number[][]> {
  if (mask.shape[0] !== batch || mask.shape[1] !== length) {
    throw new LorikeetError('shape-mismatch', 'generate: the mask is not of the prompt', {
      path: 'attention_mask',
      expected: `[${batch}, ${length}]`,
      received: mask.toString(),
    });
  }
  return rowsOf(await mask.data(), batch, length);
}

function rowsOf(data: ArrayLike<number>, batch: number, length: number): number[][] {
  return Array.from({ length: batch }, (_, i) =>
    Array.from({ length }, (_unused, j) => Number(data[i * length + j])),
  );
}
