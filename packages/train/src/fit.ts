import { partition, paths } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { Fit, FitOptions } from './fitOptions.ts';
import { FitRun } from './fitRun.ts';

/**
 * Trains a model: one compiled step (loss, derivative, optimiser) for each batch, or for each `accumulate` batches. The given model stays as
 * it is; what trains is copied first.
 *
 * @throws LorikeetError `not-finite` when a loss is NaN or infinite, `invalid-argument` if nothing trains, there is no
 *   batch, or a number makes no sense, `tree-mismatch` for a checkpoint of another run.
 */
export async function fit<Model, Inputs, Metrics = never>(
  options: FitOptions<Model, Inputs, Metrics>,
): Promise<Fit<Model, Metrics>> {
  requireSense(options);
  const run = await FitRun.start(options);
  try {
    await run.toEnd();
  } finally {
    await run.end();
  }
  if (run.steps.length === 0 && options.epochs > 0 && options.maxSteps !== 0) {
    throw new LorikeetError('invalid-argument', 'there is no batch to train on', {
      hint: 'the data set is empty, or its last batch is dropped and was the only one',
    });
  }
  const { model, best, steps, evaluations, isStoppedEarly } = run;
  return { model, ...(best === undefined ? {} : { best }), steps, evaluations, isStoppedEarly };
}

function requireSense<Model, Inputs, Metrics>(options: FitOptions<Model, Inputs, Metrics>): void {
  if (paths(partition(options.model, options.trainable)[0]).length === 0) {
    throw new LorikeetError('invalid-argument', 'nothing of the model trains', {
      hint: 'adapt the model first, and give isTrainable',
    });
  }
  for (const name of ['accumulate', 'evaluateEvery', 'checkpointEvery', 'keepEvery'] as const) {
    const value = options[name];
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw new LorikeetError('invalid-argument', `fit: ${name} is no number of steps or batches`, {
      expected: 'a whole number above 0',
      received: String(value),
    });
  }
  if (options.monitor !== undefined && options.evaluate === undefined) {
    throw new LorikeetError('invalid-argument', 'fit: a monitor has nothing to look at', {
      hint: 'give evaluate, too',
    });
  }
}
