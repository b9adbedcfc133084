import { join } from 'node:path';
import { lossOf, type Model, type TokenInputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { at, Context, combine, materialize, partition, tiedPaths, type Weight } from '@lorikeet/nn';
import {
  AdaptedWeight,
  adapterLayers,
  adapterPenalty,
  encodeAdapter,
  isTrainable,
  merge,
  moduleAdapters,
  parametersByKey,
} from '@lorikeet/peft-lora';
import type { Tensor } from '@lorikeet/tensor-core';
import { basePathOf } from './basePath.ts';
import { checkEncoder } from './checkEncoder.ts';
import { checkOutputs, forwardAndGradient, outputsByName } from './forward.ts';
import type { GoldenCase } from './goldenCase.ts';
import { loadAsCreated } from './loadAsCreated.ts';
import { residualModel } from './residualModel.ts';
import type { ParityRow } from './row.ts';

/** Outputs, loss, gradients and merged weights of one adapter on its base. */
export async function* checkAdapter(root: string, golden: GoldenCase): AsyncGenerator<ParityRow> {
  const base = await load(join(root, await basePathOf(root, golden)));
  const tuned = await loadAsCreated(base, golden.dir, { compat: 'peft' });
  const inputs = await golden.inputs();

  const [trainable, frozen] = partition(tuned, isTrainable);
  const { outputs, loss, gradient } = forwardAndGradient(trainable, frozen, inputs, adapterPenalty);
  const field = golden.meta.logits_field ?? 'logits';
  yield* checkOutputs(golden, { ...outputs, loss }, inputs, field);
  if (golden.shapeOf('output.loss_without_penalty') !== undefined)
    yield await golden.check('output.loss_without_penalty', lossOf(outputs));

  // Gradients in the places of the parameters bear their keys.
  const slopes = combine(gradient, frozen);
  const isAround = moduleAdapters(tuned).length > 0;
  const tensors = isAround ? encodeAdapter(slopes).tensors : parametersByKey(slopes);
  for (const key of golden.names('grad.')) {
    // Where all biases train, PEFT has a second name for the bias of a module that is saved whole.
    const leaf = tensors.get(
      key
        .replace('.modules_to_save.', '.')
        .replace(/^param:/, '')
        .replace(/\.default$/, ''),
    );
    if (leaf !== undefined) yield await golden.check(`grad.${key}`, leaf);
  }

  for (const path of golden.names('indices.')) {
    const [layer] = adapterLayers(at(tuned, path)).map((found) => found.layer);
    const chosen = layer instanceof AdaptedWeight ? layer.frozen.indices : undefined;
    if (chosen !== undefined) yield await golden.check(`indices.${path}`, chosen);
  }

  if (isAround) yield* checkEncoder(golden, base, tuned, inputs);
  else yield* checkMerged(golden, base, tuned, inputs);
  yield* golden.rest();
}

async function* checkMerged<T extends Model>(
  golden: GoldenCase,
  base: T,
  tuned: T,
  inputs: TokenInputs,
): AsyncGenerator<ParityRow> {
  const field = golden.meta.logits_field ?? 'logits';
  const merged = merge(tuned);
  const mergedLogits = outputsByName(merged.call(inputs, Context.evaluation)).get(field);
  if (golden.shapeOf('output.merged_logits') !== undefined && mergedLogits !== undefined) {
    yield await golden.check('output.merged_logits', mergedLogits, inputs.attention_mask);
  }
  for (const name of golden.names('merged.'))
    yield await golden.check(`merged.${name}`, weightAt(merged, name));
  for (const name of golden.names('delta.')) {
    const change = weightAt(merged, name).sub(weightAt(base, name));
    yield await golden.check(`delta.${name}`, change);
  }
  const residual = residualModel(tuned);
  for (const name of golden.names('residual.'))
    yield await golden.check(`residual.${name}`, weightAt(residual, name));
}

/** The weight that a checkpoint calls by a name, which may be a second one of a weight that is tied. */
function weightAt(tree: unknown, name: string): Tensor {
  return materialize(at(tree, tiedPaths(tree).get(name) ?? name) as Weight);
}
