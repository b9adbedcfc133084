import type { ModelJson } from './openModel.ts';

/** What a model reads at most, of what is wanted: texts are cut there. */
export function mostTokens(config: ModelJson, wanted: number): number {
  const { max_position_embeddings, n_positions, model_type, pad_token_id } = config;
  const places = Number(max_position_embeddings ?? n_positions ?? wanted);
  // RoBERTa counts from behind the number of its padding.
  const isOffset = ['roberta', 'xlm-roberta'].includes(String(model_type));
  const usable = isOffset ? places - Number(pad_token_id ?? 1) - 1 : places;
  return Math.min(wanted, usable);
}
