import { Context, type KeyValues } from '@lorikeet/nn';
import {
  argmax,
  type Compiled,
  compile,
  flattenTree,
  gather,
  LorikeetError,
  LruCache,
  mapTensors,
  pad,
  reshape,
  type Tensor,
  unflattenTree,
  zeros,
} from '@lorikeet/tensor-core';
import { logitsOf, type Model, type ModelOutputs, type TokenInputs } from '../model.ts';

/** What is read back after each call: the most likely token alone, or all logits, or states of the last layer too. */
export type Wanted = 'token' | 'logits' | 'states';

/** What a call tells of the last token of each row. */
export interface Told {
  /** The most likely next token, i32 [B]. */
  readonly token?: Tensor;
  /** [B, V] */
  readonly logits?: Tensor;
  /** Of all tokens of the call, [B, T, D]. */
  readonly states?: Tensor;
}

/** What a call leaves for the next one. */
interface Kept {
  readonly past: readonly KeyValues[];
  readonly cross: readonly KeyValues[];
}

/** What a step is given beside the cache. */
export interface StepInputs {
  /** [B, 1] */
  readonly tokens: Tensor;
  /** i32 scalar */
  readonly place: Tensor;
  /** [B, 1], of a model without an encoder. */
  readonly positions?: Tensor;
  /** [B, C]; or [B, S] of what the encoder read. */
  readonly mask?: Tensor;
  readonly cross: readonly KeyValues[];
  /** i32 [B]: the rows of the cache that go on. All of them, each once, without it. */
  readonly order?: Tensor;
}

type Leaves = readonly Tensor[];

/** What is compiled for models of one structure. */
export interface Programs {
  /** The first call, which reads the prompt. */
  readonly first: Compiled<
    [leaves: Leaves, inputs: TokenInputs, wanted: Wanted],
    { readonly told: Told; readonly kept: Kept }
  >;
  /** One more token for each row. The cache is taken over. */
  readonly step: Compiled<
    [leaves: Leaves, past: readonly KeyValues[], inputs: StepInputs, wanted: Wanted],
    { readonly told: Told; readonly past: readonly KeyValues[] }
  >;
  /** Whether the model has positions for so many tokens, by what it reads. */
  readonly room: Map<string, LorikeetError | null>;
}

/** By the key of the structure: adapters that were swapped, which changes values alone, find the programs again. */
const known = new LruCache<Programs>(8);

/** The programs for a model, and its tensors as they take them. */
export function programsOf(model: Model): { readonly programs: Programs; readonly leaves: Leaves } {
  const { leaves, structure } = flattenTree(model);
  const key = `${structure.key} ${leaves.map(({ shape, dtype }) => `${dtype}${shape}`).join(' ')}`;
  let programs = known.get(key);
  if (programs === undefined) {
    programs = makePrograms(model);
    known.set(key, programs);
  }
  return { programs, leaves };
}

function makePrograms(model: Model): Programs {
  // Without the values, which a program that is kept would keep alive.
  const frame = mapTensors(model, ({ shape, dtype }) => zeros(shape, dtype));
  const { structure } = flattenTree(frame);
  const modelOf = (leaves: Leaves): Model => unflattenTree(structure, leaves) as Model;
  const call = (leaves: Leaves, inputs: TokenInputs): ModelOutputs =>
    modelOf(leaves).call({ ...inputs, use_cache: true }, Context.evaluation);
  return {
    first: compile(
      (leaves, inputs, wanted) => {
        const outputs = call(leaves, inputs);
        const { past_key_values: past, cross_key_values: cross = [] } = outputs;
        return { told: told(outputs, wanted), kept: { past: past ?? [], cross } };
      },
      { maxPlans: 32 },
    ),
    step: compile(
      (leaves, past, { tokens, place, positions, mask, cross, order }, wanted) => {
        const before = order === undefined ? past : past.map((layer) => rowsOf(layer, order));
        const cached = { past_key_values: before, cache_position: place };
        const seen = mask === undefined ? {} : { attention_mask: mask };
        const outputs = call(
          leaves,
          positions === undefined
            ? // The encoder is not asked, so that nobody reads the first of these.
              {
                input_ids: tokens,
                decoder_input_ids: tokens,
                cross_key_values: cross,
                ...seen,
                ...cached,
              }
            : { input_ids: tokens, position_ids: positions, ...seen, ...cached },
        );
        return { told: told(outputs, wanted), past: outputs.past_key_values ?? [] };
      },
      { donate: [1], maxPlans: 32 },
    ),
    room: new Map(),
  };
}

/** A cache with more places, which are empty. */
export const growCache: Compiled<
  [past: readonly KeyValues[], capacity: number],
  readonly KeyValues[]
> = compile(
  (past, capacity) => {
    const grown = (x: Tensor): Tensor => {
      const behind = capacity - (x.shape[2] ?? 0);
      return pad(x, { high: [0, 0, behind, 0] });
    };
    return past.map(({ key, value }) => ({ key: grown(key), value: grown(value) }));
  },
  { donate: [0], maxPlans: 32 },
);

/** The rows of a cache in another order, or several times. */
export const takeRows: Compiled<[past: readonly KeyValues[], order: Tensor], readonly KeyValues[]> =
  compile((past, order) => past.map((layer) => rowsOf(layer, order)), { maxPlans: 32 });

function rowsOf({ key, value }: KeyValues, order: Tensor): KeyValues {
  return { key: gather(key, order, 0), value: gather(value, order, 0) };
}

function told(outputs: ModelOutputs, wanted: Wanted): Told {
  const logits = logitsOf(outputs); // [B, 1, V]
  const [batch = 0, , vocabulary = 0] = logits.shape;
  const last = reshape(logits, [batch, vocabulary]);
  if (wanted === 'token') return { token: argmax(last, 1) };
  const states = outputs.hidden_states.at(-1);
  return wanted === 'states' && states !== undefined
    ? { logits: last, states: states.cast('f32') }
    : { logits: last };
}

/** What a model is to have positions for. */
export interface Lengths {
  readonly batch: number;
  /** Tokens of the prompt. */
  readonly read: number;
  /** Tokens behind it; of the decoder, where there is one. */
  readonly told: number;
}

/**
 * Throws `index-out-of-range` if the model has no positions for so many tokens. It is called for that, and nothing is
 * computed.
 */
export function requirePositions(model: Model, programs: Programs, lengths: Lengths): void {
  const found = roomFor(model, programs, lengths);
  if (found !== null) throw found;
}

/** Whether the model has positions for so many tokens. */
export function hasPositions(model: Model, programs: Programs, lengths: Lengths): boolean {
  return roomFor(model, programs, lengths) === null;
}

function roomFor(
  model: Model,
  { room }: Programs,
  { batch, read, told }: Lengths,
): LorikeetError | null {
  const key = `${batch} ${read} ${told}`;
  const known = room.get(key);
  if (known !== undefined) return known;
  const found = tryLengths(model, { batch, read, told });
  room.set(key, found);
  return found;
}

function tryLengths(model: Model, { batch, read, told }: Lengths): LorikeetError | null {
  const ids = (length: number): Tensor => zeros([batch, length], 'i32');
  try {
    model.call(
      model.decoderStart === undefined
        ? { input_ids: ids(read + told) }
        : { input_ids: ids(read), decoder_input_ids: ids(told) },
      Context.evaluation,
    );
    return null;
  } catch (error) {
    if (error instanceof LorikeetError && error.code === 'index-out-of-range') return error;
    throw error;
  }
}
