import { Context } from '@lorikeet/nn';
import { LorikeetError, Tensor } from '@lorikeet/tensor-core';
import { isCallable } from '../batch/rowwiseModule.ts';

/** What a causal model is called with, as far as routing by tokens needs it; under transformers' names. */
export interface TokenCall {
  readonly given: Readonly<Record<string, unknown>>;
  readonly context: Context;
  /** Of the call's tokens. */
  readonly batch: number;
  readonly time: number;
  /** The place of the first of them: a scalar in a cache. */
  readonly place: Tensor | number;
}

/**
 * The call of a causal model.
 *
 * @throws LorikeetError `invalid-argument` without tokens; `unsupported` for a model with an encoder and a decoder.
 */
export function tokenCallOf([given, context = Context.evaluation]: readonly unknown[]): TokenCall {
  const fields = new Map(typeof given === 'object' && given !== null ? Object.entries(given) : []);
  const tokens = fields.get('input_ids') ?? fields.get('inputs_embeds');
  if (!(tokens instanceof Tensor) || !(context instanceof Context))
    throw new LorikeetError('invalid-argument', 'the model is called without tokens', {
      expected: '{ input_ids } or { inputs_embeds }, and a context',
    });
  if (['decoder_input_ids', 'decoder_inputs_embeds'].some((name) => fields.get(name) !== undefined))
    throw new LorikeetError('unsupported', 'gates of tokens are for models with a decoder alone', {
      received: 'decoder_input_ids',
    });
  const { shape } = tokens;
  const place = fields.get('cache_position');
  return {
    given: Object.fromEntries(fields),
    context,
    batch: shape[0] ?? 0,
    time: shape[1] ?? 0,
    place: place instanceof Tensor ? place : pastLength(fields.get('past_key_values')),
  };
}

/** Calls a model, and gives its outputs by name. */
export function callWith(
  model: unknown,
  inputs: Readonly<Record<string, unknown>>,
  context: Context,
): Readonly<Record<string, unknown>> {
  const outputs = isCallable(model) ? model.call(inputs, context) : undefined;
  if (typeof outputs === 'object' && outputs !== null)
    return Object.fromEntries(Object.entries(outputs));
  throw new LorikeetError('invalid-argument', 'only a model with named outputs can be called so');
}

function pastLength(past: unknown): number {
  const first: unknown = Array.isArray(past) ? past[0] : undefined;
  const key = typeof first === 'object' && first !== null ? Reflect.get(first, 'key') : undefined;
  return key instanceof Tensor ? (key.shape[2] ?? 0) : 0;
}
