import type { Context } from '@lorikeet/nn';
import { LorikeetError, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import type { ModuleState } from '../modules/moduleVariant.ts';
import { modelOf, type PromptInputs } from '../prompts/promptInputs.ts';
import type { ShadowConfig } from './shadowConfig.ts';
import { readingBackbone, type ShadowParameters, sharesWords } from './shadowParts.ts';

/** The shadow before the first block, and the keys and values of the small model if they are asked for. */
export interface ShadowSeed {
  /** [B, T, D] */
  readonly states: Tensor;
  readonly past: readonly unknown[] | undefined;
}

/** What the small model makes of the inputs of a model; its own keys and values are there behind those of the model. */
export function seedStates(
  model: object,
  state: ModuleState<ShadowParameters>,
  config: ShadowConfig,
  inputs: PromptInputs,
  context: Context,
): ShadowSeed {
  const reader = modelOf(model);
  const { parameters } = state;
  const { projection } = parameters;
  const backbone = readingBackbone(state, config);
  const { input_ids, inputs_embeds, position_ids, cache_position } = inputs;
  const isShared = sharesWords(parameters, config);
  const vectors =
    inputs_embeds ?? (isShared && input_ids ? reader.embed(input_ids, context) : undefined);
  requireWidth(vectors, backbone.inputSite.width);
  const past = inputs.past_key_values?.slice(reader.inputSite.layers);
  const time = (vectors ?? input_ids)?.shape[1] ?? 0;
  const mask = ownMask(inputs, time + (past?.[0]?.key.shape[2] ?? 0));
  const outputs = backbone.call(
    {
      ...(vectors ? { inputs_embeds: vectors } : { input_ids }),
      ...(mask && { attention_mask: mask }),
      ...(position_ids && { position_ids }),
      ...(past && past.length > 0 && { past_key_values: past }),
      ...(cache_position && { cache_position }),
      ...(inputs.use_cache === true && { use_cache: true }),
    },
    context.child('backbone'),
  );
  const { last_hidden_state: states } = outputs;
  return {
    states: projection === null ? states : projection.call(states, context),
    past: outputs.past_key_values,
  };
}

/** Vectors in place of tokens are the model's; a small model of another width has none of them. */
function requireWidth(vectors: Tensor | undefined, width: number): void {
  if (vectors === undefined || vectors.shape[2] === width) return;
  throw new LorikeetError('shape-mismatch', 'shadow: the small model cannot read these vectors', {
    expected: `vectors of ${width} numbers, or input_ids`,
    received: `of ${vectors.shape[2]}`,
  });
}

/** Positions that others put before those of the tokens are not in the small model. */
function ownMask(
  { attention_mask: mask, cache_position }: PromptInputs,
  seen: number,
): Tensor | undefined {
  if (mask === undefined || cache_position !== undefined) return mask;
  return sliceAxis(mask, 1, (mask.shape[1] ?? 0) - seen, seen);
}
