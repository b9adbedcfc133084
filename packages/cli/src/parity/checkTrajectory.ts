import { join } from 'node:path';
import { lossOf, type ModelInputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import {
  adam,
  adamw,
  applyUpdates,
  Context,
  chain,
  clipByGlobalNorm,
  combine,
  cosineSchedule,
  linearSchedule,
  type Optimizer,
  partition,
  type Schedule,
  sgd,
} from '@lorikeet/nn';
import { encodeAdapter, isTrainable } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { compile, LorikeetError, type Tensor, tensor, valueAndGrad } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { basePathOf } from './basePath.ts';
import type { GoldenCase, Meta } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** Losses and final values of a few optimiser steps on one batch. */
export async function* checkTrajectory(
  root: string,
  golden: GoldenCase,
): AsyncGenerator<ParityRow> {
  const optimizer = optimizerOf(golden.meta);
  const base = await load(join(root, await basePathOf(root, golden)));
  const tuned = await loadAdapter(base, join(golden.dir, 'initial'), { compat: 'peft' });
  const inputs = await golden.inputs();

  const [initial, frozen] = partition(tuned, isTrainable);
  type Live = typeof initial;
  const forward = compile((live: Live, given: ModelInputs) =>
    combine(live, frozen).call(given, Context.evaluation),
  );
  const step = compile((live: Live, state: unknown, given: ModelInputs) => {
    const objective = (part: Live): Tensor =>
      lossOf(combine(part, frozen).call(given, Context.evaluation));
    const { value, gradient } = valueAndGrad(objective)(live);
    const update = optimizer.update(gradient, state, live);
    return { loss: value, live: applyUpdates(live, update.updates), state: update.state };
  });

  let live = initial;
  let state = optimizer.init(live);
  const losses: number[] = [];
  for (let i = 0; i < (golden.meta.steps ?? 0); i++) {
    const next = step(live, state, inputs);
    losses.push(await next.loss.item());
    ({ live, state } = next);
  }
  yield await golden.check('output.losses', tensor(losses));
  const { loss, logits } = forward(live, inputs);
  if (loss !== undefined) yield await golden.check('output.final_loss', loss);
  if (logits !== undefined)
    yield await golden.check('output.final_logits', logits, inputs.attention_mask);
  const { tensors } = encodeAdapter(combine(live, frozen));
  for (const [key, leaf] of tensors)
    if (golden.shapeOf(`final.${key}`) !== undefined)
      yield await golden.check(`final.${key}`, leaf);
  yield* golden.rest();
}

const description = z.looseObject({
  kind: z.string(),
  lr: z.number(),
  weight_decay: z.number().default(0),
  momentum: z.number().default(0),
  nesterov: z.boolean().default(false),
  betas: z.tuple([z.number(), z.number()]).default([0.9, 0.999]),
  eps: z.number().default(1e-8),
  schedule: z.string().optional(),
});

/** The optimiser that a case's meta.json describes. Throws `unsupported`. */
function optimizerOf({ optimizer, steps = 0, max_grad_norm }: Meta): Optimizer<unknown> {
  const { kind, lr, weight_decay, momentum, nesterov, betas, eps, schedule, ...rest } =
    description.parse(optimizer);
  const more = Object.entries(rest).filter(([, value]) => value !== false && value !== null);
  const [beta1, beta2] = betas;
  const learningRate = schedule === undefined ? lr : scheduleOf(schedule, lr, steps);
  const options = { learningRate, weightDecay: weight_decay, beta1, beta2, epsilon: eps };
  const clipped = (inner: Optimizer<unknown>): Optimizer<unknown> =>
    max_grad_norm === undefined ? inner : chain(clipByGlobalNorm(max_grad_norm), inner);
  if (more.length === 0 && learningRate !== undefined) {
    if (kind === 'AdamW') return clipped(adamw({ ...options, learningRate }));
    if (kind.startsWith('Adam (L2')) return clipped(adam({ ...options, learningRate }));
    if (kind === 'SGD')
      return clipped(sgd({ learningRate, weightDecay: weight_decay, momentum, nesterov }));
  }
  const parts = [
    kind,
    ...more.map(([name]) => name),
    ...(schedule === undefined ? [] : [schedule]),
  ];
  throw new LorikeetError('unsupported', `the optimiser '${parts.join(' with ')}'`);
}

/** A schedule by its description: `cosine, no warm-up, 5 steps`, `linear with 2 warm-up steps, 6 steps in all`. */
function scheduleOf(text: string, learningRate: number, steps: number): Schedule | undefined {
  const [, kind, , warmup, total] =
    /^(linear|cosine)(,| with) (?:no|(\d+)) warm-up(?: steps)?, (\d+) steps/.exec(text) ?? [];
  const make = kind === 'linear' ? linearSchedule : kind === 'cosine' ? cosineSchedule : undefined;
  const totalSteps = Number(total ?? steps);
  return make?.({ learningRate, warmupSteps: Number(warmup ?? 0), totalSteps });
}
