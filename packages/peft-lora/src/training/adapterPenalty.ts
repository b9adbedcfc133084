import type { Context } from '@lorikeet/nn';
import { add, full, type Tensor } from '@lorikeet/tensor-core';
import { placeOf, trainedGroups } from './trainedPlaces.ts';

/**
 * What the methods of a model's adapters ask to be added to its loss, as AdaLoRA does to keep its factors orthogonal; 0
 * if none asks for anything.
 *
 * @param context of the call, for methods that draw numbers (MonteCLoRA), which need it. They are draws of their own.
 * @returns a scalar, differentiable by the adapters' parameters.
 * @throws LorikeetError `invalid-argument` for such a method without a context.
 * @example
 * const loss = (model: Model, inputs: ModelInputs, context: Context) =>
 *   add(lossOf(model.call(inputs, context)), adapterPenalty(model, context));
 */
export function adapterPenalty(tuned: unknown, context?: Context): Tensor {
  const terms = trainedGroups(tuned).flatMap((group, i) => {
    const own = context?.child('penalty').child(i);
    const penalty = group[0]?.settings.variant.penalty?.(group.map(placeOf), own);
    return penalty === undefined ? [] : [penalty];
  });
  return terms.length === 0 ? full([], 0) : terms.reduce((sum, term) => add(sum, term));
}
