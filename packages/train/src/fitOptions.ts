import type { Context, Optimizer, Place } from '@lorikeet/nn';
import type { Backend, Tensor } from '@lorikeet/tensor-core';

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
  /** Seconds until its loss was known, since the one before it was, or since the start. */
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
  /** Called once for each step, in order, as soon as its loss is known, which is some steps later. */
  readonly onStep?: (report: StepReport) => void;
  /**
   * `true` computes the layers of the model again in the derivative, which takes less memory; 'auto' does so from the
   * moment that a step is refused for want of memory. The values are the same. Defaults to false.
   */
  readonly checkpoint?: boolean | 'auto';
  /**
   * Makes a backend in place of one whose device is lost. Training goes on from the last state that was kept on the host,
   * to the same bits as if nothing had happened; `batches` must give the same again. Without it, a lost device is an error.
   */
  readonly recover?: () => Promise<Backend>;
  /** With `recover`: how many steps lie between states that are kept on the host. Defaults to 100. */
  readonly keepEvery?: number;
}

export interface Fit<Model, Metrics> {
  readonly model: Model;
  readonly steps: readonly StepReport[];
  readonly epochs: readonly EpochReport<Metrics>[];
}
