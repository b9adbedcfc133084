import {
  applyUpdates,
  Context,
  combine,
  type Optimizer,
  type Part,
  type Place,
  partition,
  paths,
} from '@lorikeet/nn';
import {
  alias,
  compile,
  evaluate,
  foldIn,
  LorikeetError,
  mapTensors,
  memoryScope,
  randomKey,
  type Tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';

/** Tensors that a step gets, and how many tokens count in its speed. */
export interface Batch<Inputs> {
  readonly inputs: Inputs;
  readonly tokens: number;
}

export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly tokens: number;
  /** Seconds from the start of the step until its loss was known. */
  readonly seconds: number;
}

export interface EpochReport<Metrics> {
  /** From 1. */
  readonly epoch: number;
  readonly metrics: Metrics;
}

export interface FitOptions<Model, Inputs, Metrics> {
  readonly model: Model;
  /** Which tensors train: `isTrainable` of peft-lora, for an adapted model. */
  readonly trainable: (leaf: Tensor, place: Place) => boolean;
  /** A scalar to make smaller. */
  readonly loss: (model: Model, inputs: Inputs, context: Context) => Tensor;
  readonly optimizer: Optimizer;
  /** The batches of an epoch, in the order of training. */
  readonly batches: (epoch: number) => AsyncIterable<Batch<Inputs>>;
  readonly epochs: number;
  /** From which dropout is drawn. Equal seeds give equal bits. Defaults to 0. */
  readonly seed?: number;
  /** Called after each epoch. */
  readonly evaluate?: (model: Model, epoch: number) => Promise<Metrics>;
  readonly onStep?: (report: StepReport) => void;
}

export interface Fit<Model, Metrics> {
  readonly model: Model;
  readonly steps: readonly StepReport[];
  readonly epochs: readonly EpochReport<Metrics>[];
}

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
  const { optimizer, epochs, seed = 0 } = options;
  const [initial, frozen] = partition(options.model, options.trainable);
  if (paths(initial).length === 0) {
    throw new LorikeetError('invalid-argument', 'nothing of the model trains', {
      hint: 'adapt the model first, and give isTrainable',
    });
  }
  await evaluate(frozen);
  // A copy, since a step takes over the memory of what it is given.
  let trainable = await evaluate(mapTensors(initial, alias));
  let state = await evaluate(optimizer.init(trainable));
  const step = compileStep(options, frozen);
  const key = randomKey(seed);

  const steps: StepReport[] = [];
  const reports: EpochReport<Metrics>[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for await (const { inputs, tokens } of options.batches(epoch)) {
      const start = performance.now();
      const next = runStep(() => step(trainable, state, inputs, foldIn(key, steps.length)));
      ({ trainable, state } = next);
      const loss = await next.loss.item();
      const report = {
        step: steps.length + 1,
        epoch,
        loss,
        tokens,
        seconds: (performance.now() - start) / 1000,
      };
      steps.push(report);
      if (!Number.isFinite(loss)) throw diverged(report);
      options.onStep?.(report);
    }
    if (options.evaluate !== undefined)
      reports.push({ epoch, metrics: await options.evaluate(combine(trainable, frozen), epoch) });
  }
  if (steps.length === 0 && epochs > 0) {
    throw new LorikeetError('invalid-argument', 'there is no batch to train on', {
      hint: 'the data set is empty, or its last batch is dropped and was the only one',
    });
  }
  return { model: combine(trainable, frozen), steps, epochs: reports };
}

interface StepResult<Model> {
  readonly loss: Tensor;
  readonly trainable: Part<Model>;
  readonly state: unknown;
}

function compileStep<Model, Inputs, Metrics>(
  { loss, optimizer }: FitOptions<Model, Inputs, Metrics>,
  frozen: Part<Model>,
): (trainable: Part<Model>, state: unknown, inputs: Inputs, key: Tensor) => StepResult<Model> {
  return compile(
    (trainable: Part<Model>, state: unknown, inputs: Inputs, key: Tensor): StepResult<Model> => {
      const objective = (part: Part<Model>): Tensor =>
        loss(combine(part, frozen), inputs, Context.training(key));
      const { value, gradient } = valueAndGrad(objective)(trainable);
      const update = optimizer.update(gradient, state, trainable);
      return {
        loss: value,
        trainable: applyUpdates(trainable, update.updates),
        state: update.state,
      };
    },
    { donate: [0, 1] },
  );
}

/** Frees what a step made besides its results. */
function runStep<T>(step: () => T): T {
  using scope = memoryScope();
  return scope.keep(step());
}

function diverged({ step, epoch, loss }: StepReport): LorikeetError {
  return new LorikeetError('not-finite', `the loss is ${loss} in step ${step} (epoch ${epoch})`, {
    expected: 'a finite loss',
    received: String(loss),
    hint: 'lower the learning rate, clip the gradients, or look for NaN in the data and the checkpoint',
  });
}
