import { type AdaptSpec, train } from './adapt.ts';

/**
 * BitFit: a spec that trains the biases of a model and nothing else. Ben Zaken et al. 2021,
 * https://arxiv.org/abs/2106.10199
 *
 * PEFT has no file format for it; save the merged model.
 *
 * @param modules selector of the modules whose biases train. Defaults to all.
 * @example
 * const tuned = adapt(model, { classifier: train(), ...bitFit() });
 * const attention = adapt(model, bitFit('**.{query,value}'));
 */
export function bitFit(modules: string = '**'): AdaptSpec {
  return { [`${modules}.bias`]: train() };
}
