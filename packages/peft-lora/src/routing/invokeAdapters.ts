import {
  cast,
  formatShape,
  greaterEqual,
  iota,
  LorikeetError,
  reshape,
  sliceAxis,
  type Tensor,
} from '@lorikeet/tensor-core';
import { lastInvocations } from './lastInvocations.ts';
import { routeInvoked, waitingFor } from './routeInvoked.ts';

export interface InvokeOptions {
  /** How many of the ids were read before, so that the call has only their keys and values. Defaults to 0. */
  readonly past?: number;
  /** How many of the ids are of the prompt, in which invocations are looked for; all by default. */
  readonly prompt?: number;
}

/**
 * A model for one batch, whose adapters with `invocationTokens` act from the last time on that these stand in the ids: aLoRA,
 * Greenewald et al. 2025, https://arxiv.org/abs/2504.12397. Before them, and in rows without them, the model is its base
 * to the bit, so that keys and values of a prefix may come from the base and serve many such adapters.
 *
 * Call it within what is compiled: other ids of the same shape then run the same plan.
 *
 * @param ids [B, P + T], all tokens of the sequence up to the end of the call, those before included.
 * @returns a new model, as `routeAdapters` makes it: it cannot be merged or saved, the given one can be saved.
 * @throws LorikeetError `no-match` if no adapter waits for tokens; `shape-mismatch` for ids that are no batch.
 * @example
 * const tuned = adapt(model, { '**.q_proj': lora({ invocationTokens: [7, 9] }) });
 * const outputs = invokeAdapters(tuned, ids).call({ input_ids: ids }, context);
 */
export function invokeAdapters<T>(
  tuned: T,
  ids: Tensor,
  { past = 0, prompt }: InvokeOptions = {},
): T {
  const [, length] = ids.shape;
  if (ids.shape.length !== 2 || length === undefined) {
    throw new LorikeetError('shape-mismatch', 'the ids are no batch of sequences', {
      expected: '[B, T]',
      received: formatShape(ids.shape),
    });
  }
  const gate = (tokens: readonly number[]): Tensor => {
    const found = cast(isInvoked(ids, tokens, prompt ?? length), 'f32');
    return sliceAxis(found, 1, past, length - past);
  };
  const shape = [ids.shape[0] ?? 0, length - past];
  return routeInvoked(
    tuned,
    new Map([...waitingFor(tuned)].map(([name, tokens]) => [name, gate(tokens)])),
    shape,
  );
}

/** Where a sequence is at its last invocation or behind it: [B, T]. */
function isInvoked(ids: Tensor, tokens: readonly number[], prompt: number): Tensor {
  const { shape } = ids;
  const starts = reshape(lastInvocations(ids, tokens, prompt), [shape[0] ?? 0, 1]);
  return greaterEqual(iota(shape, 1), starts);
}
