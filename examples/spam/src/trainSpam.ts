import { logitsOf, lossOf, type Model } from '@lorikeet/model-zoo';
import type { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { adamw, Context, chain, clipByGlobalNorm, linearSchedule } from '@lorikeet/nn';
import { adapt, isTrainable, lora, train } from '@lorikeet/peft-lora';
import { randomKey } from '@lorikeet/tensor-core';
import {
  type ClassificationInputs,
  type ClassificationMetrics,
  evaluateClassifier,
  type Fit,
  type FitCallbacks,
  fit,
  type LabelledTokens,
  tokenBatches,
} from '@lorikeet/train';
import type { TextExample } from '@lorikeet/train/data';

/** What a model reads of a mail. */
const maxLength = 48;
const batching = { maxLength, padId: 0 };

/** How a model is adapted and trained. */
export interface Recipe {
  readonly epochs: number;
  readonly batchSize: number;
  /** Whether the word embeddings are adapted, too. */
  readonly words: boolean;
}

export const allLabels: Recipe = { epochs: 2, batchSize: 32, words: true };
/** Too few to learn anything of single words. */
export const fewLabels: Recipe = { epochs: 8, batchSize: 16, words: false };

export function tokensOf(
  examples: readonly TextExample[],
  tokenizer: Tokenizer,
): readonly LabelledTokens[] {
  return examples.map(({ text, label = 0 }) => ({
    ids: tokenizer.encode(text, { maxLength }).ids,
    label,
  }));
}

/** LoRA on the layers of a BERT; its pooler and classifier, which are new, train whole. */
export function adaptToSpam(base: Model, { words }: Recipe, seed: number): Model {
  return adapt(
    base,
    {
      ...(words ? { '**.word_embeddings': lora({ rank: 8, alpha: 16 }) } : {}),
      '**.layer.**.{query,key,value,dense}': lora({ rank: 8, alpha: 16 }),
      '**.pooler.dense': train(),
      classifier: train(),
    },
    { key: randomKey(seed) },
  );
}

/** Trains an adapted model on mails. */
export function trainSpam(
  model: Model,
  mails: readonly LabelledTokens[],
  recipe: Recipe,
  { seed, callbacks = [] }: { readonly seed: number; readonly callbacks?: FitCallbacks[] },
): Promise<Fit<Model, never>> {
  const { epochs, batchSize } = recipe;
  const totalSteps = stepCount(mails, recipe);
  const warmupSteps = Math.floor(totalSteps / 10);
  return fit<Model, ClassificationInputs>({
    model,
    trainable: isTrainable,
    loss: (current, inputs: ClassificationInputs, context) => lossOf(current.call(inputs, context)),
    optimizer: chain(
      clipByGlobalNorm(1),
      adamw({ learningRate: linearSchedule({ learningRate: 2e-3, warmupSteps, totalSteps }) }),
    ),
    batches: (epoch) => tokenBatches(mails, { ...batching, batchSize, shuffle: { seed, epoch } }),
    epochs,
    seed,
    callbacks,
  });
}

export function stepCount(mails: readonly LabelledTokens[], { epochs, batchSize }: Recipe): number {
  return epochs * Math.ceil(mails.length / batchSize);
}

export function judge(
  model: Model,
  mails: readonly LabelledTokens[],
): Promise<ClassificationMetrics> {
  return evaluateClassifier(
    (inputs: ClassificationInputs) => logitsOf(model.call(inputs, Context.evaluation)),
    tokenBatches(mails, { ...batching, batchSize: 64 }),
    2,
  );
}

/** Of the logits of mails. */
export async function largestDifference(
  models: readonly [Model, Model],
  mails: readonly LabelledTokens[],
): Promise<number> {
  let largest = 0;
  for await (const { inputs } of tokenBatches(mails, { ...batching, batchSize: 256 })) {
    const [a, b] = models.map((model) => logitsOf(model.call(inputs, Context.evaluation)));
    if (a === undefined || b === undefined) continue;
    for (const value of await a.sub(b).data()) largest = Math.max(largest, Math.abs(value));
  }
  return largest;
}
