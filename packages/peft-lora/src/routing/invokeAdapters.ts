import type { Weight } from '@lorikeet/nn';
import {
  cast,
  equal,
  formatShape,
  greaterEqual,
  iota,
  LorikeetError,
  logicalAnd,
  max,
  ones,
  sliceAxis,
  stack,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { adapterLayers, isAdapterLayer, mapAdapted } from '../layers.ts';
import { GivenRouter } from './givenRouter.ts';
import { invocationOf, withoutInvocation } from './invocation.ts';
import { routeAdapters } from './routeAdapters.ts';

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
  const paths = new Set<string>();
  const tokensOf = new Map<string, readonly number[]>();
  for (const { path, layer } of adapterLayers(tuned)) {
    const tokens = invocationOf(layer);
    if (tokens === undefined) continue;
    paths.add(path.slice(0, path.lastIndexOf('.')));
    tokensOf.set(layer.name, tokens);
  }
  if (tokensOf.size === 0) {
    throw new LorikeetError('no-match', 'no adapter of the model waits for invocation tokens', {
      hint: 'call the model as it is',
    });
  }
  const always = ones([ids.shape[0] ?? 0, length - past]);
  const gates = new Map(
    [...tokensOf].map(([name, tokens]) => {
      const gate = cast(isInvoked(ids, tokens, prompt ?? length), 'f32');
      return [name, sliceAxis(gate, 1, past, length - past)] as const;
    }),
  );
  return routeAdapters(
    mapAdapted(tuned, plainLayers),
    ({ layers }) =>
      new GivenRouter(
        stack(
          layers.map(({ name }) => gates.get(name) ?? always),
          -1,
        ),
      ),
    { isRouted: (path) => paths.has(path) },
  );
}

/** Where a sequence is at its last invocation or behind it: [B, T]. */
function isInvoked(ids: Tensor, tokens: readonly number[], prompt: number): Tensor {
  const [batch = 0, length = 0] = ids.shape;
  const starts = prompt - tokens.length + 1;
  const positions = iota([batch, length], 1);
  if (starts < 1) return greaterEqual(positions, length);
  const matches = tokens
    .map((token, i) => equal(sliceAxis(ids, 1, i, starts), token))
    .reduce((all, one) => logicalAnd(all, one)); // [B, starts]
  const found = max(where(matches, iota([batch, starts], 1), -1), 1, { keepAxes: true }); // [B, 1]
  return logicalAnd(greaterEqual(positions, found), greaterEqual(found, 0));
}

function plainLayers(weight: Weight): Weight {
  if (!isAdapterLayer(weight)) return weight;
  const below = weight.with({ base: plainLayers(weight.base) });
  return below instanceof AdaptedWeight && invocationOf(below) !== undefined
    ? withoutInvocation(below)
    : below;
}
