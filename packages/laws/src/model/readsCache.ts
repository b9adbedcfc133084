import { Context, type KeyValues } from '@lorikeet/nn';
import { concat, evaluate, sliceAxis, type Tensor, tensor } from '@lorikeet/tensor-core';
import { requireClose } from '../closeness.ts';
import { noiseTensor } from '../noise.ts';
import { type LawInputs, type LawModel, type Reading, readOutputs } from './lawModel.ts';
import { inputsOf, type ModelCase, type ModelSource, readingOf } from './modelCase.ts';

/** Tokens of the last calls that a text is read in: the first makes the cache, these go on in it. */
const later = [2, 1] as const;

/** Places of the cache that stay empty. */
const spare = 3;

/**
 * Reads a text in several calls, each with the keys and values of those before it in a cache of fixed size whose empty
 * places hold noise, and requires what one call tells of all tokens.
 */
export async function readsCache<M extends LawModel>(
  given: ModelCase<M>,
  options: ModelSource<M>,
  tolerance: number,
): Promise<void> {
  const { model, texts } = given;
  const plain = inputsOf(given, texts, options);
  await agrees(model, plain, 0, tolerance);
  // Two pads on the left, of which the cache holds keys and values like any other.
  const pads = { left: 2, token: options.padding ?? 0, placed: true };
  if (plain.decoder_input_ids === undefined)
    await agrees(model, inputsOf(given, texts, options, pads), pads.left, tolerance);
}

/** @param pads on the left, of which nothing is told. */
async function agrees(
  model: LawModel,
  inputs: LawInputs,
  pads: number,
  tolerance: number,
): Promise<void> {
  const whole = await readingOf(model, inputs);
  const told = inputs.decoder_input_ids ?? inputs.input_ids;
  const [batch = 0, length = 0] = told.shape;
  const capacity = length + spare;
  let start = 0;
  let cache: Cache | undefined;
  for (const count of [length - later[0] - later[1], ...later]) {
    const part = partOf(inputs, start, count, capacity, cache);
    const outputs = await evaluate(model.call(part, Context.evaluation));
    const { past_key_values: past, cross_key_values: cross } = outputs;
    if (past === undefined || past.length === 0) throw new Error('no keys and values are told');
    const reading = await readOutputs(outputs, { batch, time: count, told: count });
    requirePart(reading, whole, [start, count, start === 0 ? pads : 0], tolerance);
    cache = {
      past: cache === undefined ? past.map((layer) => grown(layer, capacity)) : past,
      cross: cross ?? cache?.cross,
    };
    start += count;
  }
}

interface Cache {
  readonly past: readonly KeyValues[];
  readonly cross: readonly KeyValues[] | undefined;
}

/** The inputs of some of the tokens, behind those in the cache. */
function partOf(
  inputs: LawInputs,
  start: number,
  count: number,
  capacity: number,
  cache: Cache | undefined,
): LawInputs {
  const { input_ids, attention_mask: mask, position_ids, decoder_input_ids: answers } = inputs;
  const cut = (x: Tensor): Tensor => sliceAxis(x, 1, start, count);
  const seen = (x: Tensor): Tensor =>
    cache === undefined ? sliceAxis(x, 1, 0, count) : padded(x, 1, capacity, 1);
  const cached = cache && {
    past_key_values: cache.past,
    cache_position: tensor(start, [], 'i32'),
    ...(cache.cross && { cross_key_values: cache.cross }),
  };
  if (answers !== undefined)
    return { ...inputs, decoder_input_ids: cut(answers), use_cache: true, ...cached };
  const [, length = 0] = input_ids.shape;
  const placed = position_ids ?? counted(length);
  return {
    input_ids: cut(input_ids),
    ...(mask && { attention_mask: seen(mask) }),
    // Without a mask the model counts.
    ...(mask && { position_ids: cut(placed) }),
    use_cache: true,
    ...cached,
  };
}

function counted(length: number): Tensor {
  return tensor(
    Int32Array.from({ length }, (_, i) => i),
    [1, length],
    'i32',
  );
}

/** Buffers of `capacity` places that hold keys and values and, behind them, noise. */
function grown({ key, value }: KeyValues, capacity: number): KeyValues {
  const filled = (x: Tensor): Tensor => {
    const [batch = 0, heads = 0, length = 0, size = 0] = x.shape;
    const rest = noiseTensor([batch, heads, capacity - length, size], 7).cast(x.dtype);
    return concat([x, rest], 2);
  };
  return { key: filled(key), value: filled(value) };
}

function padded(x: Tensor, axis: number, length: number, value: number): Tensor {
  const [batch = 0, time = 0] = x.shape;
  const rest = tensor(
    new Int32Array(batch * (length - time)).fill(value),
    [batch, length - time],
    'i32',
  );
  return concat([x, rest], axis);
}

function requirePart(
  part: Reading,
  whole: Reading,
  [start, count, pads]: readonly [start: number, count: number, pads: number],
  tolerance: number,
): void {
  for (const [name, states] of part.output) {
    // What is told of texts has no parts.
    const expected = whole.output.get(name)?.map((row) => row.slice(start + pads, start + count));
    if (expected === undefined) continue;
    const about = `${name} of tokens ${start} to ${start + count - 1}`;
    const got = states.map((row) => row.slice(pads));
    requireClose(about, got.flat(2), expected.flat(2), tolerance);
  }
}
