import { type Context, type Linear, materialize } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import type { BaseModel } from '../heads/headedModel.ts';
import type { Model, ModelInputs, ModelOutputs } from '../model.ts';

/** `model_type` in the files of ShadowPEFT. */
export const projectedType = 'causal_lm_with_hidden_projection';

/** A model without a head, with a projection of its states to the width of another model: a projected shadow of ShadowPEFT. */
export class ProjectedModel implements Model {
  readonly shadow_model: BaseModel;
  readonly shadow_hidden_projection: Linear;

  /** @param projection without a bias, from the width of the backbone. */
  constructor(backbone: BaseModel, projection: Linear) {
    this.shadow_model = backbone;
    this.shadow_hidden_projection = projection;
  }

  get config(): Readonly<Record<string, unknown>> {
    const { config } = this.shadow_model;
    const [base_hidden_size] = materialize(this.shadow_hidden_projection.weight).shape;
    const { vocab_size } = config;
    return { model_type: projectedType, base_hidden_size, vocab_size, shadow_model_config: config };
  }

  get backbone(): BaseModel {
    return this.shadow_model;
  }

  get projection(): Linear {
    return this.shadow_hidden_projection;
  }

  /** `last_hidden_state` is [B, T, D], of the width that is projected to; the `hidden_states` are those of the backbone. */
  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const outputs = context.call('shadow_model', this.shadow_model, inputs);
    const { last_hidden_state: states } = outputs;
    const last_hidden_state = context.call(
      'shadow_hidden_projection',
      this.shadow_hidden_projection,
      states,
    );
    return { ...outputs, last_hidden_state };
  }
}
