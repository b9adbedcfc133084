import {
  cast,
  equal,
  formatShape,
  greaterEqual,
  iota,
  LorikeetError,
  reshape,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';
import { calledBy } from './calledBy.ts';
import { lastInvocations } from './lastInvocations.ts';
import { routeInvoked, waitingFor } from './routeInvoked.ts';
import { callWith, tokenCallOf } from './tokenCall.ts';

/** By the name of each adapter that waits, where it starts to act: i32 [B]. */
type Starts = Readonly<Record<string, Tensor>>;

/**
 * A model that goes on with prompts, whose adapters with `invocationTokens` act from the last time on that these stand in the
 * prompt of a row; in rows without them it is the base. What was generated wakes nothing, as in PEFT. It may be called with a cache of keys
 * and values, so `generate` takes it. aLoRA, Greenewald et al. 2025, https://arxiv.org/abs/2504.12397.
 *
 * Calls are of the whole text from its start, or of what stands behind a past. Rows may be there several times, one after the other, as
 * beams are. Other prompts of the same number run the same plan.
 *
 * @param ids [B, T], the prompts. @param mask [B, T], 0 where there is padding, which is no token.
 * @throws LorikeetError `no-match` if no adapter waits for tokens; when it is called `shape-mismatch` for another number
 *   of rows, `unsupported` for a model with an encoder and a decoder.
 * @example
 * const { tokens } = await generate(invokeBehindPrompt(tuned, input_ids), { input_ids });
 */
export function invokeBehindPrompt<T>(tuned: T, ids: Tensor, mask?: Tensor): T {
  const read = mask === undefined ? ids : where(equal(mask, 0), -1, ids);
  const starts = [...waitingFor(tuned)].map(
    ([name, tokens]) => [name, lastInvocations(read, tokens)] as const,
  );
  return invoked(tuned, Object.fromEntries(starts));
}

const invoked = calledBy<Starts>('invocations', (model, starts, inputs) => {
  const { given, context, batch, time, place } = tokenCallOf(inputs);
  const positions = iota([batch, time], 1).add(place);
  const gates = new Map(
    Object.entries(starts).map(([name, own]) => {
      const gate = greaterEqual(positions, repeated(own, batch));
      return [name, cast(gate, 'f32')] as const;
    }),
  );
  return callWith(routeInvoked(model, gates, [batch, time]), given, context);
});

/** Each row as often as there are rows for it: [B] to [batch, 1]. */
function repeated(starts: Tensor, batch: number): Tensor {
  const [rows = 1] = starts.shape;
  if (batch % rows !== 0)
    throw new LorikeetError('shape-mismatch', 'there are other rows than there were prompts', {
      expected: `${rows} rows, or each of them several times`,
      received: formatShape([batch]),
    });
  const times = batch / rows;
  return reshape(reshape(starts, [rows, 1]).broadcastTo([rows, times]), [batch, 1]);
}
