import { join } from 'node:path';
import { lossOf, type ModelInputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { at, Context, combine, materialize, partition, type Weight } from '@lorikeet/nn';
import { encodeAdapter, isTrainable, merge } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { compile, valueAndGradWithAux } from '@lorikeet/tensor-core';
import { basePathOf } from './basePath.ts';
import { checkOutputs, outputsByName } from './checkModel.ts';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** Outputs, loss, gradients and merged weights of one adapter on its base. */
export async function* checkAdapter(root: string, golden: GoldenCase): AsyncGenerator<ParityRow> {
  const base = await load(join(root, await basePathOf(root, golden)));
  const tuned = await loadAdapter(base, golden.dir);
  const inputs = await golden.inputs();

  const [trainable, frozen] = partition(tuned, isTrainable);
  const run = compile((part: typeof trainable, given: ModelInputs) =>
    valueAndGradWithAux((live: typeof trainable) => {
      const outputs = combine(live, frozen).call(given, Context.evaluation);
      return { value: lossOf(outputs), aux: outputs };
    })(part),
  );
  const { aux, gradient } = run(trainable, inputs);
  yield* checkOutputs(golden, aux, inputs);

  // Gradients in the places of the parameters: saved, they bear the keys of the file.
  const { tensors } = encodeAdapter(combine(gradient, frozen));
  for (const [key, leaf] of tensors)
    if (golden.shapeOf(`grad.${key}`) !== undefined) yield await golden.check(`grad.${key}`, leaf);

  const merged = merge(tuned);
  const field = golden.meta.logits_field ?? 'logits';
  const mergedLogits = outputsByName(merged.call(inputs, Context.evaluation)).get(field);
  if (golden.shapeOf('output.merged_logits') !== undefined && mergedLogits !== undefined) {
    yield await golden.check('output.merged_logits', mergedLogits, inputs.attention_mask);
  }
  for (const name of golden.names('merged.'))
    yield await golden.check(`merged.${name}`, materialize(at(merged, name) as Weight));
  for (const name of golden.names('delta.')) {
    const change = materialize(at(merged, name) as Weight).sub(
      materialize(at(base, name) as Weight),
    );
    yield await golden.check(`delta.${name}`, change);
  }
  yield* golden.rest();
}
