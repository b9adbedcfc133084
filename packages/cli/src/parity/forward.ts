import { lossOf, type Model, type ModelInputs, type ModelOutputs } from '@lorikeet/model-zoo';
import { Context, combine, type Part, paths } from '@lorikeet/nn';
import { compile, type Tensor, valueAndGradWithAux } from '@lorikeet/tensor-core';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** Outputs of a model in evaluation, and the gradient of its loss by one part of it. */
export function forwardAndGradient<T extends Model>(
  trainable: Part<T>,
  frozen: Part<T>,
  inputs: ModelInputs,
): { outputs: ModelOutputs; gradient: Part<T> } {
  const differentiate = valueAndGradWithAux((part: Part<T>) => {
    const outputs = combine(part, frozen).call(inputs, Context.evaluation);
    return { value: lossOf(outputs), aux: outputs };
  });
  const { aux, gradient } = compile(differentiate)(trainable);
  return { outputs: aux, gradient };
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
