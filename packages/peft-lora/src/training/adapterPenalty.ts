import { add, full, type Tensor } from '@lorikeet/tensor-core';
import { trainedGroups } from './trainedPlaces.ts';

/**
 * What the methods of a model's adapters ask to be added to its loss, as AdaLoRA does to keep its factors orthogonal; 0
 * if none asks for anything.
 *
 * @returns a scalar, differentiable by the adapters' parameters.
 * @example
 * const loss = (model: Model, inputs: ModelInputs, context: Context) =>
 *   add(lossOf(model.call(inputs, context)), adapterPenalty(model));
 */
export function adapterPenalty(tuned: unknown): Tensor {
  const terms = trainedGroups(tuned).flatMap((group) => {
    const places = group.map(({ settings: { path, shape, config }, parameters }) => {
      return { path, shape, config, parameters };
    });
    const penalty = group[0]?.settings.variant.penalty?.(places);
    return penalty === undefined ? [] : [penalty];
  });
  return terms.length === 0 ? full([], 0) : terms.reduce((sum, term) => add(sum, term));
}
