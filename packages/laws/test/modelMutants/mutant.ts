import type { LawInputs, LawModel, LawOutputs } from '@lorikeet/laws';
import type { Context, InputSite } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';

/** Mistakes of a model: in what it is called with, and in what it gives. */
export interface Mistake {
  readonly inputs?: (inputs: LawInputs) => LawInputs;
  readonly outputs?: (logits: Tensor, model: LawModel) => Tensor;
}

/** A model with a mistake. */
export class MutantModel implements LawModel {
  readonly model: LawModel;
  readonly mistake: Mistake;

  constructor(model: LawModel, mistake: Mistake) {
    this.model = model;
    this.mistake = mistake;
  }

  get isCausal(): boolean {
    return this.model.isCausal === true;
  }

  get inputSite(): InputSite {
    return this.model.inputSite;
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.model.embed(ids, context);
  }

  call(inputs: LawInputs, context: Context): LawOutputs {
    const { inputs: changed = (x: LawInputs) => x, outputs = (x: Tensor) => x } = this.mistake;
    const { logits, ...others } = this.model.call(changed(inputs), context);
    return logits === undefined ? others : { ...others, logits: outputs(logits, this.model) };
  }
}
