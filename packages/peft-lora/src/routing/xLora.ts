import { LorikeetError, stopGradient, Tensor } from '@lorikeet/tensor-core';
import { disable } from '../compose.ts';
import { adapterNames } from '../layers.ts';
import { applyScalings, type ScalingOptions } from './applyScalings.ts';
import { calledBy } from './calledBy.ts';
import { callWith, tokenCallOf } from './tokenCall.ts';
import type { XLoraClassifier } from './xLoraClassifier.ts';

interface Gating {
  readonly classifier: XLoraClassifier;
  readonly names: readonly string[];
}

/**
 * A causal model that is called twice: without its adapters, of which the classifier makes gates from the last hidden
 * states, and with them. Through the first call no gradient goes.
 *
 * Its past has the keys and values of both calls: those of the first before those of the second. So each token has the gates that it
 * had when it was read, which no later token changes, and `generate` takes it with a cache; PEFT has none here.
 *
 * @returns a new model: it cannot be merged or saved, the given one and the classifier can.
 * @throws LorikeetError as `applyScalings`; when it is called `unsupported` for a model with an encoder and a decoder.
 * @example
 * const { tokens } = await generate(xLora(tuned, classifier), { input_ids });
 */
export function xLora<T>(
  tuned: T,
  classifier: XLoraClassifier,
  { names = adapterNames(tuned) }: ScalingOptions = {},
): T {
  return gated(tuned, { classifier, names });
}

const gated = calledBy<Gating>('xlora', (model, { classifier, names }, inputs) => {
  const { given, context } = tokenCallOf(inputs);
  const { past_key_values: past, labels, ...rest } = given;
  const [before, behind] = halves(past);
  const first = callWith(disable(model), { ...rest, ...before }, context);
  const { hidden_states: states } = first;
  const hidden: unknown = Array.isArray(states) ? states.at(-1) : undefined;
  if (!(hidden instanceof Tensor))
    throw new LorikeetError('invalid-argument', 'the model tells no hidden states');
  const gates = classifier.call(stopGradient(hidden), context.child('xlora'));
  const second = callWith(
    applyScalings(model, gates, { names }),
    { ...rest, ...behind, ...(labels === undefined ? {} : { labels }) },
    context,
  );
  const told = [first, second].map(({ past_key_values: own }) => own);
  return told.every(Array.isArray) ? { ...second, past_key_values: told.flat() } : second;
});

type Past = Readonly<Record<string, unknown>>;

/** What each call is given of keys and values; nothing where there are none. */
function halves(past: unknown): readonly [first: Past, second: Past] {
  if (!Array.isArray(past)) return [{}, {}];
  const middle = past.length / 2;
  return [{ past_key_values: past.slice(0, middle) }, { past_key_values: past.slice(middle) }];
}
