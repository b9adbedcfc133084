import type { Context, KeyValues, TakesVectors } from '@lorikeet/nn';
import { type Tensor, tensor } from '@lorikeet/tensor-core';

/** What the laws call a model with, under transformers' names. B rows, T tokens. */
export interface LawInputs {
  /** [B, T], or [B, C, T] for a choice among C texts. */
  readonly input_ids: Tensor;
  readonly attention_mask?: Tensor;
  readonly position_ids?: Tensor;
  /** [B, U] */
  readonly decoder_input_ids?: Tensor;
  readonly use_cache?: boolean;
  /** Buffers of a cache, into which the keys and values of the tokens go from `cache_position` on. */
  readonly past_key_values?: readonly KeyValues[];
  readonly cross_key_values?: readonly KeyValues[];
  readonly cache_position?: Tensor;
}

/** What of a model's outputs the laws look at. */
export interface LawOutputs {
  readonly logits?: Tensor;
  readonly start_logits?: Tensor;
  readonly end_logits?: Tensor;
  readonly last_hidden_state?: Tensor;
  readonly pooler_output?: Tensor;
  readonly hidden_states: readonly Tensor[];
  readonly encoder_hidden_states?: readonly Tensor[];
  readonly past_key_values?: readonly KeyValues[];
  readonly cross_key_values?: readonly KeyValues[];
}

/** A model that reads tokens. */
export interface LawModel extends TakesVectors {
  readonly isCausal?: boolean;
  call(inputs: LawInputs, context: Context): LawOutputs;
}

/** Rows of one length as a tensor of i32. */
export function tokens(rows: readonly (readonly number[])[]): Tensor {
  return tensor(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0], 'i32');
}

/** Numbers of each token of one kind of output: those of token t of row r are `[r][t]`. */
export type PerToken = readonly (readonly (readonly number[])[])[];

/** A model's outputs as numbers. */
export interface Reading {
  /** Of the tokens that the model reads. */
  readonly input: ReadonlyMap<string, PerToken>;
  /** Of the tokens that its logits are of: those of the decoder, where there is one. */
  readonly output: ReadonlyMap<string, PerToken>;
  /** Of each row as a whole. */
  readonly rows: ReadonlyMap<string, readonly (readonly number[])[]>;
}

/** Reads outputs of `batch` rows, of which the tokens read are `time` and those told of `told`. */
export async function readOutputs(
  outputs: LawOutputs,
  { batch, time, told }: { readonly batch: number; readonly time: number; readonly told: number },
): Promise<Reading> {
  const { hidden_states, encoder_hidden_states = [] } = outputs;
  const [input, output] = [new Map<string, PerToken>(), new Map<string, PerToken>()];
  const rows = new Map<string, readonly (readonly number[])[]>();
  const perToken = async (x: Tensor, length: number): Promise<PerToken> => {
    const data = await x.data();
    const size = data.length / (batch * length);
    return Array.from({ length: batch }, (_, row) =>
      Array.from({ length }, (_unused, t) => {
        const first = (row * length + t) * size;
        return [...data.slice(first, first + size)];
      }),
    );
  };
  const isOfTokens = (x: Tensor, length: number): boolean =>
    x.rank >= 2 && x.shape[0] === batch && x.shape[1] === length;
  for (const [i, state] of encoder_hidden_states.entries())
    if (isOfTokens(state, time)) input.set(`encoder state ${i}`, await perToken(state, time));
  for (const [i, state] of hidden_states.entries())
    if (isOfTokens(state, told)) output.set(`state ${i}`, await perToken(state, told));
  for (const name of shown) {
    const x = outputs[name];
    if (x === undefined) continue;
    if (name !== 'pooler_output' && isOfTokens(x, told)) output.set(name, await perToken(x, told));
    else if (x.shape[0] === batch)
      rows.set(
        name,
        (await perToken(x, 1)).map(([row]) => row ?? []),
      );
  }
  return { input, output, rows };
}

const shown = [
  'logits',
  'start_logits',
  'end_logits',
  'last_hidden_state',
  'pooler_output',
] as const;
