import { Context, type KeyValues } from '@lorikeet/nn';
import { concat, LorikeetError, sliceAxis, Tensor, tensor } from '@lorikeet/tensor-core';

/**
 * The keys and values that a model makes of the first of some tokens, as a prefix: [P, 2 L G K].
 *
 * @param length P, at most as many as there are tokens.
 * @throws LorikeetError `unsupported` for a model whose outputs do not tell its keys and values.
 */
export function cachedPrefix(module: object, tokens: readonly number[], length: number): Tensor {
  const input_ids = tensor(tokens, [1, tokens.length], 'i32');
  const call: unknown = Reflect.get(module, 'call');
  const outputs: unknown =
    typeof call === 'function'
      ? Reflect.apply(call, module, [{ input_ids, use_cache: true }, Context.evaluation])
      : undefined;
  const layers: unknown = Reflect.get(Object(outputs), 'past_key_values');
  if (!Array.isArray(layers) || !layers.every(isKeyValues))
    throw new LorikeetError('unsupported', 'the outputs of the model have no keys and values', {
      expected: 'past_key_values of a call with use_cache',
      hint: 'leave initTokens out',
    });
  const parts = layers.flatMap(({ key, value }) => [key, value]); // each [1, G, T, K]
  const first = sliceAxis(concat(parts, 0), 2, 0, length); // [2L, G, P, K]
  return first.permute([2, 0, 1, 3]).reshape([length, -1]);
}

function isKeyValues(value: unknown): value is KeyValues {
  return (
    typeof value === 'object' &&
    value !== null &&
    Reflect.get(value, 'key') instanceof Tensor &&
    Reflect.get(value, 'value') instanceof Tensor
  );
}

/** Why a prefix of some length cannot be made of these tokens; `undefined` if it can. */
export function tokensRefusal(tokens: readonly number[], length: number): string | undefined {
  if (tokens.length === 0 || tokens.length >= length) return undefined;
  return `first values of ${length} tokens need as many initTokens, and there are ${tokens.length}`;
}
