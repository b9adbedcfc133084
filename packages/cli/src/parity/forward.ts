import { lossOf, type Model, type ModelInputs, type ModelOutputs } from '@lorikeet/model-zoo';
import { Context, combine, type Part, paths } from '@lorikeet/nn';
import { add, compile, type Tensor, valueAndGradWithAux } from '@lorikeet/tensor-core';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/**
 * Outputs of a model in evaluation, its loss, and the gradient of that by one part of the model.
 *
 * @param penalty what the loss has besides, likewise in evaluation.
 */
export function forwardAndGradient<T extends Model>(
  trainable: Part<T>,
  frozen: Part<T>,
  inputs: ModelInputs,
  penalty?: (model: T, context: Context) => Tensor,
): { outputs: ModelOutputs; loss: Tensor; gradient: Part<T> } {
  const differentiate = valueAndGradWithAux((part: Part<T>) => {
    const model = combine(part, frozen);
    const outputs = model.call(inputs, Context.evaluation);
    const loss = lossOf(outputs);
    return {
      value: penalty === undefined ? loss : add(loss, penalty(model, Context.evaluation)),
      aux: outputs,
    };
  });
  const { value, aux, gradient } = compile(differentiate)(trainable);
  return { outputs: aux, loss: value, gradient };
}

/**
 * Compares every output that the case has under the same name.
 *
 * @param logitsField the output that the case calls `logits`.
 */
export async function* checkOutputs(
  golden: GoldenCase,
  outputs: ModelOutputs,
  inputs: ModelInputs,
  logitsField = 'logits',
): AsyncGenerator<ParityRow> {
  const named = outputsByName(outputs);
  for (const name of golden.names('output.')) {
    const got = named.get(name === 'logits' ? logitsField : name);
    if (got !== undefined) yield await golden.check(`output.${name}`, got, inputs.attention_mask);
  }
}

/** Outputs under transformers' names; `hidden_states.0` for the first of a list. */
export function outputsByName(outputs: ModelOutputs): Map<string, Tensor> {
  return new Map(paths(outputs));
}
