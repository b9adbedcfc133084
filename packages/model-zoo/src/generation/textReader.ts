import type { KeyValues } from '@lorikeet/nn';
import { type Tensor, type TypedArray, tensor } from '@lorikeet/tensor-core';
import type { Model, TokenInputs } from '../model.ts';
import { bucketOf } from './bucket.ts';
import {
  growCache,
  hasPositions,
  type Programs,
  programsOf,
  requirePositions,
  type StepInputs,
  type Told,
  takeRows,
  type Wanted,
} from './programs.ts';
import type { PromptRows } from './prompt.ts';

/** How many places a cache gets at once. */
const chunk = 256;

/** What a call told of the next token of each row, as numbers. */
export interface Reading {
  /** The most likely next token of each row, where only that is wanted. */
  readonly tokens: readonly number[];
  /** [V] for each row. */
  readonly logits: readonly TypedArray[];
  /** [D] for each token of the call, for each row. */
  readonly states: readonly (readonly TypedArray[])[];
}

/**
 * Texts that a model reads token by token, with keys and values of what it has read in a cache of fixed size. Rows of one
 * length grow together; of an encoder and a decoder they are what the decoder reads.
 */
export class TextReader {
  readonly #model: Model;
  readonly #programs: Programs;
  readonly #leaves: readonly Tensor[];
  readonly #wanted: Wanted;
  readonly #prompt: PromptRows;
  /** Tokens that there may be in the end. */
  readonly #most: number;
  #rows: number[][];
  #masks: number[][];
  #past: readonly KeyValues[] = [];
  #cross: readonly KeyValues[] = [];
  /** Virtual tokens before the first one. */
  #virtual = 0;
  /** Of the size of the cache; `undefined` where nothing is masked. */
  #mask: Tensor | undefined;

  private constructor(model: Model, prompt: PromptRows, wanted: Wanted, maxNew: number) {
    const { programs, leaves } = programsOf(model);
    this.#model = model;
    this.#programs = programs;
    this.#leaves = leaves;
    this.#wanted = wanted;
    this.#prompt = prompt;
    const { decoderStart: start } = model;
    this.#rows = prompt.rows.map((row) => (start === undefined ? [...row] : [start]));
    this.#masks = start === undefined ? prompt.masks.map((mask) => [...mask]) : [];
    this.#most = (this.#rows[0]?.length ?? 0) + maxNew;
  }

  /**
   * Reads the prompt.
   *
   * @throws LorikeetError `index-out-of-range` if the model has no positions for what is to come.
   */
  static async open(
    model: Model,
    prompt: PromptRows,
    { wanted, maxNew }: { readonly wanted: Wanted; readonly maxNew: number },
  ): Promise<{ readonly reader: TextReader; readonly reading: Reading }> {
    const reader = new TextReader(model, prompt, wanted, maxNew);
    const length = prompt.rows[0]?.length ?? 0;
    // The last token is told and not read.
    const told = Math.max(maxNew - 1, 0) + reader.#firstTold;
    requirePositions(model, reader.#programs, { batch: prompt.rows.length, read: length, told });
    return { reader, reading: await reader.#readAll() };
  }

  /** Tokens of each row so far: prompt and new ones, or those of the decoder. */
  get rows(): readonly (readonly number[])[] {
    return this.#rows;
  }

  /** Reads one more token for each row, or for the rows of `order`. */
  async step(tokens: readonly number[], order?: readonly number[]): Promise<Reading> {
    if (order !== undefined) this.#order(order);
    for (const [i, row] of this.#rows.entries()) row.push(tokens[i] ?? 0);
    for (const mask of this.#masks) mask.push(1);
    if (this.#keysHaveChanged()) return await this.#readAll();
    const place = this.#virtual + (this.#rows[0]?.length ?? 1) - 1;
    this.#makeRoom(place);
    const batch = this.#rows.length;
    const inputs: StepInputs = {
      tokens: integers(tokens, [batch, 1]),
      place: integers([place], []),
      cross: this.#cross,
      ...(this.#mask && { mask: this.#mask }),
      ...(this.#hasEncoder
        ? {}
        : {
            positions: integers(
              this.#masks.map((mask) => this.#virtual + sum(mask) - 1),
              [batch, 1],
            ),
          }),
      ...(order && { order: integers(order, [batch]) }),
    };
    const { told, past } = this.#programs.step(this.#leaves, this.#past, inputs, this.#wanted);
    this.#past = past;
    return await read(told, batch);
  }

  /** Has each row several times. */
  expand(times: number): void {
    const order = this.#rows.flatMap((_, i) => new Array<number>(times).fill(i));
    this.#order(order);
    const rows = integers(order, [order.length]);
    this.#past = takeRows(this.#past, rows);
    if (this.#cross.length > 0) this.#cross = takeRows(this.#cross, rows);
    this.#mask = undefined;
    this.#setMask();
  }

  get #hasEncoder(): boolean {
    return this.#model.decoderStart !== undefined;
  }

  get #firstTold(): number {
    return this.#hasEncoder ? 1 : 0;
  }

  #order(order: readonly number[]): void {
    const moved = (rows: number[][]): number[][] => order.map((from) => [...(rows[from] ?? [])]);
    this.#rows = moved(this.#rows);
    this.#masks = this.#masks.length > 0 ? moved(this.#masks) : [];
  }

  /** Whether keys that are in the cache would be others for a text of this length. */
  #keysHaveChanged(): boolean {
    const { stretch } = this.#model;
    if (stretch === undefined) return false;
    const length = this.#virtual + Math.max(...this.#masks.map(sum));
    return stretch.kind === 'growing' ? length > stretch.length : length === stretch.length + 1;
  }

  async #readAll(): Promise<Reading> {
    const inputs = this.#hasEncoder ? this.#answerInputs() : this.#textInputs();
    const { told, kept } = this.#programs.first(this.#leaves, inputs, this.#wanted);
    const read_ = (inputs.decoder_input_ids ?? inputs.input_ids).shape[1] ?? 0;
    this.#past = kept.past;
    this.#cross = kept.cross;
    this.#virtual = this.#capacity - read_;
    this.#setMask();
    return await read(told, this.#rows.length, this.#virtual, this.#rows[0]?.length);
  }

  /** All rows, filled up on the right, where a causal model does not look. */
  #textInputs(): TokenInputs {
    const [rows, masks] = [this.#rows, this.#masks];
    const [batch, length] = [rows.length, rows[0]?.length ?? 0];
    const size = bucketOf(length);
    const shape = [batch, size];
    const isMasked = masks.some((mask) => mask.includes(0));
    const positions = masks.flatMap((mask) => filled(positionsOf(mask), size, 1));
    return {
      input_ids: integers(
        rows.flatMap((row) => filled(row, size, 0)),
        shape,
      ),
      position_ids: integers(positions, shape),
      logits_to_keep: integers([length - size - 1], [1]),
      ...(isMasked && {
        attention_mask: integers(
          masks.flatMap((mask) => filled(mask, size, 0)),
          shape,
        ),
      }),
    };
  }

  /** What the encoder reads, filled up and masked, and the tokens of the decoder. */
  #answerInputs(): TokenInputs {
    const { rows, masks } = this.#prompt;
    const size = this.#crossRead;
    const shape = [rows.length, size];
    const told = this.#rows[0]?.length ?? 0;
    return {
      input_ids: integers(
        rows.flatMap((row) => filled(row, size, 0)),
        shape,
      ),
      attention_mask: integers(
        masks.flatMap((mask) => filled(mask, size, 0)),
        shape,
      ),
      decoder_input_ids: integers(this.#rows.flat(), [this.#rows.length, told]),
      logits_to_keep: integers([-1], [1]),
    };
  }

  get #capacity(): number {
    return this.#past[0]?.key.shape[2] ?? 0;
  }

  #makeRoom(place: number): void {
    if (place < this.#capacity) return;
    const wanted = Math.max(place + 1, Math.min(this.#virtual + this.#most, place + chunk));
    this.#past = growCache(this.#past, bucketOf(wanted));
    this.#setMask();
  }

  /** The mask of the whole cache: what the prompt masks, and nothing else. */
  #setMask(): void {
    const masks = this.#hasEncoder
      ? this.#prompt.masks.map((mask) => filled(mask, this.#crossRead, 0))
      : this.#masks;
    if (!masks.some((mask) => mask.includes(0))) {
      this.#mask = undefined;
      return;
    }
    const times = this.#rows.length / masks.length;
    const before = new Array<number>(this.#hasEncoder ? this.#crossVirtual : this.#virtual).fill(1);
    const size = this.#hasEncoder ? this.#crossLength : this.#capacity;
    const all = masks.flatMap((mask) =>
      new Array<number[]>(times).fill(filled([...before, ...mask], size, 1)),
    );
    this.#mask = integers(all.flat(), [this.#rows.length, size]);
  }

  /** Places of what the encoder read, virtual tokens among them. */
  get #crossLength(): number {
    return this.#cross[0]?.key.shape[2] ?? 0;
  }

  get #crossRead(): number {
    const length = this.#prompt.rows[0]?.length ?? 0;
    const usual = bucketOf(length);
    const lengths = { batch: this.#prompt.rows.length, read: usual, told: 1 };
    return hasPositions(this.#model, this.#programs, lengths) ? usual : length;
  }

  get #crossVirtual(): number {
    return this.#crossLength - this.#crossRead;
  }
}

async function read(
  { token, logits, states }: Told,
  batch: number,
  skip = 0,
  end?: number,
): Promise<Reading> {
  const [tokens, scores, all] = await Promise.all([token?.data(), logits?.data(), states?.data()]);
  const vocabulary = (scores?.length ?? 0) / batch;
  const [, time = 0, width = 0] = states?.shape ?? [];
  const last = end === undefined ? time : skip + end;
  return {
    tokens: tokens === undefined ? [] : [...tokens].map(Number),
    logits:
      scores === undefined
        ? []
        : Array.from({ length: batch }, (_, i) =>
            scores.subarray(i * vocabulary, (i + 1) * vocabulary),
          ),
    states:
      all === undefined
        ? []
        : Array.from({ length: batch }, (_, i) =>
            Array.from({ length: last - skip }, (_unused, t) => {
              const start = (i * time + skip + t) * width;
              return all.slice(start, start + width);
            }),
          ),
  };
}

function integers(values: readonly number[], shape: readonly number[]): Tensor {
  return tensor(Int32Array.from(values), shape, 'i32');
}

function filled(row: readonly number[], size: number, value: number): number[] {
  return [...row, ...new Array<number>(size - row.length).fill(value)];
}

/** As transformers counts them: padding does not count, and stands at 1. */
function positionsOf(mask: readonly number[]): number[] {
  let count = 0;
  return mask.map((kept) => {
    count += kept;
    return kept === 0 ? 1 : count - 1;
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
