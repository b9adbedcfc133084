import { LorikeetError } from '@lorikeet/tensor-core';
import type { Model } from '../model.ts';
import { beamSearch } from './beamSearch.ts';
import { contrastiveSearch } from './contrastiveSearch.ts';
import { decodeRows } from './decodeRows.ts';
import { type Prompt, type PromptRows, readPrompt, requireGenerator } from './prompt.ts';
import { type GenerateOptions, type Settings, settingsOf } from './settings.ts';

/** What was generated: for each row of the prompt, or several rows in a row where so many were asked for. */
export interface Generated {
  /**
   * The prompt and the new tokens; of a model with an encoder and a decoder the token that the decoder starts with, and the
   * new ones. Rows of one length, filled up with padding behind their end.
   */
  readonly sequences: readonly (readonly number[])[];
  /** The new tokens alone, up to the end of each row and with it. */
  readonly tokens: readonly (readonly number[])[];
  /** Of a beam search: the score of each sequence, by its length. */
  readonly scores?: readonly number[];
}

/** A new token of a row. */
export interface StreamedToken {
  readonly row: number;
  readonly token: number;
  /** Whether the row ends with it. */
  readonly isLast: boolean;
}

/**
 * Goes on with each prompt: greedily, by sampling (`do_sample`), by beam search (`num_beams`) or by contrastive search
 * (`penalty_alpha` and `top_k`). Options have the names and the defaults of Hugging Face's `generation_config.json`.
 *
 * Programs are made for lengths in buckets and found again: another prompt, or another adapter of the same structure, runs
 * what is there.
 *
 * @param prompt token ids [B, T], rows padded on the left where they are shorter, with their mask.
 * @throws LorikeetError `invalid-argument` if the model is not causal, there is nothing to start from, or options do not go
 *   together; `unsupported` for options that are not built; `index-out-of-range` if the model has no positions for so much.
 * @example
 * const { tokens } = await generate(model, { input_ids }, { max_new_tokens: 20, do_sample: true, top_p: 0.9, key: 1 });
 */
export async function generate(
  model: Model,
  prompt: Prompt,
  options: GenerateOptions = {},
): Promise<Generated> {
  const { given, settings } = await prepare(model, prompt, options);
  if (settings.beams > 1) {
    const found = (await beamSearch(model, given, settings)).flat();
    const tokens = found.map(({ fresh }) => fresh);
    const scores = found.map(({ score }) => score);
    return { ...gathered(model, given, tokens, settings), scores };
  }
  const rows = repeated(given, settings.returned);
  const tokens: number[][] = rows.rows.map(() => []);
  for await (const { row, token } of tokensOf(model, rows, settings)) tokens[row]?.push(token);
  return gathered(model, given, tokens, settings);
}

/**
 * The same token by token, as they come.
 *
 * @throws LorikeetError as `generate`; `unsupported` for a beam search, which knows its tokens only at the end.
 * @example
 * for await (const { token } of stream(model, { input_ids }, { max_new_tokens: 20 })) process.stdout.write(decode(token));
 */
export async function* stream(
  model: Model,
  prompt: Prompt,
  options: GenerateOptions = {},
): AsyncGenerator<StreamedToken> {
  const { given, settings } = await prepare(model, prompt, options);
  if (settings.beams > 1)
    throw new LorikeetError('unsupported', 'a beam search cannot be streamed', {
      path: 'num_beams',
      expected: '1',
      received: String(settings.beams),
      hint: 'its tokens are known when it ends: use generate',
    });
  yield* tokensOf(model, repeated(given, settings.returned), settings);
}

async function prepare(
  model: Model,
  prompt: Prompt,
  options: GenerateOptions,
): Promise<{ readonly given: PromptRows; readonly settings: Settings }> {
  requireGenerator(model);
  const told = model.decoderStart === undefined ? (prompt.input_ids.shape[1] ?? 0) : 1;
  const settings = settingsOf(model, options, told);
  return { given: await readPrompt(prompt), settings };
}

async function* tokensOf(
  model: Model,
  prompt: PromptRows,
  settings: Settings,
): AsyncGenerator<StreamedToken> {
  const { contrast, isEnd, maxNew } = settings;
  const steps =
    contrast === undefined
      ? decodeRows(model, prompt, settings)
      : contrastiveSearch(model, prompt, settings, contrast);
  const fresh: number[][] = prompt.rows.map(() => []);
  const open = new Set(fresh.keys());
  for await (const tokens of steps) {
    for (const row of [...open]) {
      const [token, own] = [tokens[row] ?? 0, fresh[row] ?? []];
      own.push(token);
      const isLast = own.length === maxNew || isEnd(own);
      if (isLast) open.delete(row);
      yield { row, token, isLast };
    }
    if (open.size === 0) return;
  }
}

/** Each row several times. */
function repeated({ rows, masks }: PromptRows, times: number): PromptRows {
  if (times === 1) return { rows, masks };
  const all = <Row>(list: readonly Row[]): Row[] =>
    list.flatMap((row) => new Array<Row>(times).fill(row));
  return { rows: all(rows), masks: all(masks) };
}

function gathered(
  { decoderStart: start }: Model,
  { rows }: PromptRows,
  tokens: readonly (readonly number[])[],
  { padding }: Settings,
): Generated {
  const times = tokens.length / rows.length;
  const length = Math.max(...tokens.map((row) => row.length));
  const sequences = tokens.map((row, i) => {
    const before = start === undefined ? (rows[Math.floor(i / times)] ?? []) : [start];
    return [...before, ...row, ...new Array<number>(length - row.length).fill(padding)];
  });
  return { sequences, tokens };
}
