import type { Context, EmaOptions, Optimizer, Place } from '@lorikeet/nn';
import type { Backend, Tensor } from '@lorikeet/tensor-core';
import type { CheckpointStore } from './checkpoints.ts';
import type { Dataset } from './data/dataset.ts';
import type { Monitor } from './monitor.ts';

/** Tensors that a step gets, and how many tokens count in its speed. */
export interface Batch<Inputs> {
  readonly inputs: Inputs;
  readonly tokens: number;
  /**
   * With `accumulate`: what the loss of this batch counts for beside that of the others in its step, such as the number of tokens that
   * it is the mean of. Defaults to 1.
   */
  readonly weight?: number;
}

/**
 * The batches of an epoch, in the order of training. Of a data set of `@lorikeet/train/data` a run that goes on reads the rest alone;
 * what else there is is made again, and what was done before is dropped.
 */
export type Batches<Inputs> = AsyncIterable<Batch<Inputs>> &
  Partial<Pick<Dataset<Batch<Inputs>>, 'entries'>>;

export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  /** Of all gradients together, before the optimiser changes them; Euclidean. */
  readonly gradientNorm: number;
  readonly tokens: number;
  /** Seconds until its loss was known, since the one before it was, or since the start. */
  readonly seconds: number;
  /** What the backend holds, in bytes. */
  readonly liveBytes: number;
  /** What the optimiser says of the step, such as `learningRate`. */
  readonly measures: Readonly<Record<string, number>>;
}

export interface Evaluation<Metrics> {
  /** After how many steps. */
  readonly step: number;
  /** From 1. */
  readonly epoch: number;
  readonly metrics: Metrics;
}

/** Where a run starts. */
export interface FitStart {
  /** Steps that were done before; 0 for a new run. */
  readonly step: number;
  /** How many evaluations were done before. */
  readonly evaluations: number;
}

/** What is told of a run while it goes on. */
export interface FitCallbacks<Metrics = unknown> {
  readonly onStart?: (start: FitStart) => void | Promise<void>;
  /** Called once for each step, in order, as soon as its loss is known, which is some steps later. */
  readonly onStep?: (report: StepReport) => void;
  readonly onEvaluation?: (evaluation: Evaluation<Metrics>) => void | Promise<void>;
  /** After a checkpoint was written, behind that many steps. */
  readonly onCheckpoint?: (step: number) => void | Promise<void>;
  /** At the end, also after an error. */
  readonly onEnd?: () => void | Promise<void>;
}

export interface FitOptions<Model, Inputs, Metrics> {
  readonly model: Model;
  /** Which tensors train: `isTrainable` of peft-lora, for an adapted model. */
  readonly trainable: (leaf: Tensor, place: Place) => boolean;
  /** A scalar to make smaller. */
  readonly loss: (model: Model, inputs: Inputs, context: Context) => Tensor;
  readonly optimizer: Optimizer;
  readonly batches: (epoch: number) => Batches<Inputs>;
  readonly epochs: number;
  /** No more steps than that. */
  readonly maxSteps?: number;
  /** From which dropout is drawn. Equal seeds give equal bits. Defaults to 0. */
  readonly seed?: number;
  /** How many batches make one step; what is left at the end of an epoch makes one too. Defaults to 1. */
  readonly accumulate?: number;
  /**
   * In what the model is computed, forwards and backwards; what trains, its gradients and the optimiser stay as they are. With `f16` the loss is scaled as
   * high as the gradients bear it, and steps with infinite ones are left out. Defaults to the dtype of the model.
   */
  readonly precision?: 'f16' | 'bf16';
  /** Keeps an average of what trains over the steps, with which models are evaluated. */
  readonly ema?: EmaOptions;
  /** Called after each epoch, or as `evaluateEvery` says, with the averaged model if there is one. */
  readonly evaluate?: (model: Model, epoch: number) => Promise<Metrics>;
  /** How many steps lie between evaluations; there is one at the end, too. */
  readonly evaluateEvery?: number;
  /** Keeps the best model, and ends the run when it gets no better. */
  readonly monitor?: Monitor<Metrics>;
  readonly callbacks?: readonly FitCallbacks<Metrics>[];
  /** Where states of the run are kept. It goes on from the last of them if there is one, to the same bits as if it had never stopped. */
  readonly checkpoints?: CheckpointStore;
  /** With `checkpoints`: how many steps lie between them. Defaults to one for each epoch. */
  readonly checkpointEvery?: number;
  /**
   * `true` computes the layers of the model again in the derivative, which takes less memory; 'auto' does so from the
   * moment that a step is refused for want of memory. The values are the same. Defaults to false.
   */
  readonly gradientCheckpointing?: boolean | 'auto';
  /**
   * Makes a backend in place of one whose device is lost. Training goes on from the last state that was kept on the host,
   * to the same bits as if nothing had happened; `batches` must give the same again. Without it, a lost device is an error.
   */
  readonly recover?: () => Promise<Backend>;
  /** With `recover`: how many steps lie between states that are kept on the host. Defaults to 100. */
  readonly keepEvery?: number;
}

export interface Fit<Model, Metrics> {
  /** As it is after the last step; the average with `ema`. */
  readonly model: Model;
  /** With `monitor`: the model with the best metrics. */
  readonly best?: { readonly model: Model; readonly step: number; readonly value: number };
  readonly steps: readonly StepReport[];
  readonly evaluations: readonly Evaluation<Metrics>[];
  /** Whether the monitor ended the run. */
  readonly isStoppedEarly: boolean;
}
