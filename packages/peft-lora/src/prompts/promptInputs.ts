import { type KeyValues, type TakesVectors, takesVectors } from '@lorikeet/nn';
import { LorikeetError, Tensor } from '@lorikeet/tensor-core';

/** What a model with virtual tokens is called with, as far as these change it; under transformers' names. */
export interface PromptInputs {
  readonly input_ids?: Tensor | undefined;
  readonly inputs_embeds?: Tensor | undefined;
  readonly attention_mask?: Tensor | undefined;
  readonly token_type_ids?: Tensor | undefined;
  readonly position_ids?: Tensor | undefined;
  readonly past_key_values?: readonly KeyValues[] | undefined;
  /** Where the tokens go in a cache, which holds the virtual ones already. */
  readonly cache_position?: Tensor | undefined;
  readonly use_cache?: boolean | undefined;
  readonly decoder_attention_mask?: Tensor | undefined;
  readonly labels?: Tensor | undefined;
  readonly start_positions?: Tensor | undefined;
  readonly end_positions?: Tensor | undefined;
  /** [B]: which task each row is of. */
  readonly task_ids?: Tensor | undefined;
  /** [B, T]: what each token is, of an example for context-aware prompt tuning. */
  readonly input_type_mask?: Tensor | undefined;
}

/** The inputs of a call of a model. Throws `invalid-argument` if there are no tokens. */
export function promptInputsOf(
  inputs: readonly unknown[],
): PromptInputs & { readonly [field: string]: unknown } {
  const [given] = inputs;
  if (isInputs(given)) return given;
  throw new LorikeetError(
    'invalid-argument',
    'a model with virtual tokens is called without tokens',
    {
      expected: 'input_ids or inputs_embeds',
    },
  );
}

function isInputs(value: unknown): value is PromptInputs & { readonly [field: string]: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  return ['input_ids', 'inputs_embeds'].some((name) => Reflect.get(value, name) instanceof Tensor);
}

/** The model that virtual tokens are put into. */
export function modelOf(module: object): TakesVectors {
  if (takesVectors(module)) return module;
  throw new LorikeetError('internal', 'virtual tokens need a model that takes vectors');
}
