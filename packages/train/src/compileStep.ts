import { applyUpdates, Context, combine, type Part } from '@lorikeet/nn';
import { compile, type Tensor, valueAndGrad } from '@lorikeet/tensor-core';
import type { FitOptions } from './fitOptions.ts';

interface StepResult<Model> {
  readonly loss: Tensor;
  readonly trainable: Part<Model>;
  readonly state: unknown;
}

export type CompiledStep<Model, Inputs> = (
  trainable: Part<Model>,
  state: unknown,
  inputs: Inputs,
  key: Tensor,
) => StepResult<Model>;

/** Loss, derivative and optimiser as one program, which takes over the memory of what trains and of the state. */
export function compileStep<Model, Inputs, Metrics>(
  { loss, optimizer }: Pick<FitOptions<Model, Inputs, Metrics>, 'loss' | 'optimizer'>,
  frozen: Part<Model>,
  checkpoint: boolean,
): CompiledStep<Model, Inputs> {
  return compile(
    (trainable: Part<Model>, state: unknown, inputs: Inputs, key: Tensor): StepResult<Model> => {
      const objective = (part: Part<Model>): Tensor =>
        loss(combine(part, frozen), inputs, Context.training(key, { checkpoint }));
      const { value, gradient } = valueAndGrad(objective)(trainable);
      const update = optimizer.update(gradient, state, trainable);
      return {
        loss: value,
        trainable: applyUpdates(trainable, update.updates),
        state: update.state,
      };
    },
    { donate: [0, 1] },
  );
}
