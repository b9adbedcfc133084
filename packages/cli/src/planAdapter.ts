import { logitsOf, type Model } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { Context } from '@lorikeet/nn';
import { explain, method, type Plan, train } from '@lorikeet/peft-lora';
import { crossEntropy, reshape, type Tensor, zeros } from '@lorikeet/tensor-core';
import { findVariant } from './findVariant.ts';

/** What to plan, as the options of `inspect --plan` say it. */
export interface PlanFlags {
  readonly plan: readonly string[];
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly train: readonly string[];
  readonly batchSize: number;
  readonly maxLength: number;
}

/** What an adapter of a model would be, and what a step of its training on texts would take. */
export async function planAdapter(
  dir: string,
  { plan, method: name, options, train: whole, batchSize, maxLength }: PlanFlags,
): Promise<Plan> {
  const model = await load(dir);
  const chosen = method(findVariant(name), options);
  const spec = Object.fromEntries([
    ...plan.map((selector) => [selector, chosen] as const),
    ...whole.map((selector) => [selector, train()] as const),
  ]);
  const input_ids = zeros([batchSize, maxLength], 'i32');
  return explain(model, spec, { loss: (tuned) => lossOn(tuned, input_ids) });
}

/** Cross-entropy of whatever the model tells apart. */
function lossOn(model: Model, input_ids: Tensor): Tensor {
  const logits = logitsOf(model.call({ input_ids }, Context.evaluation)); // [B, C] or [B, T, C]
  const classes = logits.shape.at(-1) ?? 1;
  const flat = reshape(logits, [logits.size / classes, classes]);
  return crossEntropy(flat, zeros([flat.shape[0] ?? 0], 'i32'));
}
