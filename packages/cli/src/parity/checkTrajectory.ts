import { join } from 'node:path';
import { lossOf, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import {
  applyUpdates,
  at,
  Context,
  combine,
  globalNorm,
  materialize,
  partition,
  type Weight,
} from '@lorikeet/nn';
import {
  adapterPenalty,
  disable,
  encodeAdapter,
  isTrainable,
  trimRanks,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { add, compile, type Tensor, tensor, valueAndGrad } from '@lorikeet/tensor-core';
import { basePathOf } from './basePath.ts';
import { checkAllocation } from './checkAllocation.ts';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';
import { trajectoryOptimizer } from './trajectoryOptimizer.ts';

/** Losses and final values of a few optimiser steps on one batch. */
export async function* checkTrajectory(
  root: string,
  golden: GoldenCase,
): AsyncGenerator<ParityRow> {
  const { meta } = golden;
  const optimizer = trajectoryOptimizer(meta);
  const base = await load(join(root, await basePathOf(root, golden)));
  const tuned = await loadAdapter(base, join(golden.dir, 'initial'), { compat: 'peft' });
  const inputs = await golden.inputs();

  const [initial, frozen] = partition(tuned, isTrainable);
  type Live = typeof initial;
  const objective = (model: Model, given: ModelInputs): Tensor =>
    add(lossOf(model.call(given, Context.evaluation)), adapterPenalty(model, Context.evaluation));
  const step = compile((live: Live, state: unknown, given: ModelInputs) => {
    const { value, gradient } = valueAndGrad((part: Live) =>
      objective(combine(part, frozen), given),
    )(live);
    const update = optimizer.update(gradient, state, live);
    const next = { live: applyUpdates(live, update.updates), state: update.state };
    return { ...next, loss: value, norm: globalNorm(gradient) };
  });

  let live = initial;
  let state = optimizer.init(live);
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let i = 0; i < (meta.steps ?? 0); i++) {
    const next = step(live, state, inputs);
    losses.push(await next.loss.item());
    norms.push(await next.norm.item());
    ({ live, state } = next);
    const allocation = meta.per_step?.[i];
    if (allocation !== undefined) yield* checkAllocation(golden, combine(live, frozen), allocation);
  }
  yield await golden.check('output.losses', tensor(losses));
  if (meta.grad_norm_before_clipping !== undefined)
    yield golden.compare('grad_norm_before_clipping', norms, meta.grad_norm_before_clipping);
  yield* checkEnd(golden, combine(live, frozen), inputs, objective);
  yield* golden.rest();
}

/** The loss, the logits and the file of the adapter after the last step. */
async function* checkEnd(
  golden: GoldenCase,
  model: Model,
  inputs: ModelInputs,
  objective: (model: Model, inputs: ModelInputs) => Tensor,
): AsyncGenerator<ParityRow> {
  const { logits } = compile((given: ModelInputs) => model.call(given, Context.evaluation))(inputs);
  yield await golden.check('output.final_loss', objective(model, inputs));
  if (logits !== undefined)
    yield await golden.check('output.final_logits', logits, inputs.attention_mask);
  const saved = golden.meta.per_step === undefined ? model : await trimRanks(model);
  for (const [key, leaf] of encodeAdapter(saved).tensors)
    if (golden.shapeOf(`final.${key}`) !== undefined)
      yield await golden.check(`final.${key}`, leaf);
  // Beside an adapted embedding PEFT saves the table of the base model, which stays as it is.
  const base = disable(model);
  for (const key of golden.names('final.').filter((name) => name.includes('.base_layer.'))) {
    const path = key.replace(/^base_model\.model\./, '').replace('.base_layer.', '.');
    yield await golden.check(`final.${key}`, materialize(at(base, path) as Weight));
  }
}
