import { partition, paths } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { Fit, FitOptions } from './fitOptions.ts';
import { FitRun } from './fitRun.ts';

/**
 * Trains a model: one compiled step (loss, derivative, optimiser) for each batch. The given model stays as
 * it is; what trains is copied first.
 *
 * @throws LorikeetError `not-finite` when a loss is NaN or infinite, `invalid-argument` if nothing trains or
 *   there is no batch.
 */
export async function fit<Model, Inputs, Metrics = never>(
  options: FitOptions<Model, Inputs, Metrics>,
): Promise<Fit<Model, Metrics>> {
  if (paths(partition(options.model, options.trainable)[0]).length === 0) {
    throw new LorikeetError('invalid-argument', 'nothing of the model trains', {
      hint: 'adapt the model first, and give isTrainable',
    });
  }
  const run = await FitRun.start(options);
  await run.toEnd();
  if (run.steps.length === 0 && options.epochs > 0) {
    throw new LorikeetError('invalid-argument', 'there is no batch to train on', {
      hint: 'the data set is empty, or its last batch is dropped and was the only one',
    });
  }
  return { model: run.model, steps: run.steps, epochs: run.reports };
}
