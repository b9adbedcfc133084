import { argmax, compile, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Batch } from './fitOptions.ts';
import {
  type ClassificationMetrics,
  classificationMetrics,
} from './metrics/classificationMetrics.ts';

/** Metrics of a classifier on batches with `labels`. */
export async function evaluateClassifier<Inputs extends { readonly labels: Tensor }>(
  logits: (inputs: Inputs) => Tensor,
  batches: AsyncIterable<Batch<Inputs>>,
  classes: number,
): Promise<ClassificationMetrics> {
  const answer = compile((inputs: Inputs) => argmax(logits(inputs)));
  const [truths, answers]: [number[], number[]] = [[], []];
  for await (const { inputs } of batches) {
    truths.push(...(await inputs.labels.data()));
    answers.push(...(await answer(inputs).data()));
  }
  if (truths.length === 0)
    throw new LorikeetError('invalid-argument', 'there is nothing to evaluate on');
  return classificationMetrics(truths, answers, classes);
}
