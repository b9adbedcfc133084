import { materialize, type Reparam, type Weight } from '@lorikeet/nn';
import { add, LorikeetError, mul, sub, type Tensor } from '@lorikeet/tensor-core';
import type { AdapterSettings } from './adaptedWeight.ts';
import type { Tensors } from './variant.ts';

/** The bias of a module whose adapter changes it too, as LoRA with `loraBias`. */
export class AdaptedBias implements Reparam {
  readonly base: Weight;
  /** What trains. */
  readonly parameters: Tensors;
  readonly name: string;
  readonly settings: AdapterSettings;
  readonly mix: number;

  constructor(
    base: Weight,
    parameters: Tensors,
    name: string,
    settings: AdapterSettings,
    mix: number = 1,
  ) {
    this.base = base;
    this.parameters = parameters;
    this.name = name;
    this.settings = settings;
    this.mix = mix;
  }

  materialize(): Tensor {
    const { variant, config } = this.settings;
    if (variant.bias === undefined)
      throw new LorikeetError('internal', `${variant.name} has no rule for biases`);
    const base = materialize(this.base);
    const adapted = variant.bias.materialize(base, { config, parameters: this.parameters });
    return this.mix === 1 ? adapted : add(base, mul(sub(adapted, base), this.mix));
  }

  with(changes: { readonly base?: Weight; readonly mix?: number }): AdaptedBias {
    return new AdaptedBias(
      changes.base ?? this.base,
      this.parameters,
      this.name,
      this.settings,
      changes.mix ?? this.mix,
    );
  }
}
