import type { Tensor } from '@lorikeet/tensor-core';
import type { SiteShape } from '../siteShape.ts';

type Tensors = Readonly<Record<string, Tensor>>;

/** One of the places of an adapter, with what trains there. */
export interface TrainedPlace<Config> {
  /** Path of the module when it was adapted. */
  readonly path: string;
  readonly shape: SiteShape;
  readonly config: Config;
  /** As in `AdapterArguments`. */
  readonly compat: 'peft' | undefined;
  /** What trains, of this place alone. */
  readonly parameters: Tensors;
}

/** A place in a step of training; `gradients` and `updates` have the names of `parameters`. */
export interface SteppedPlace<Config> extends TrainedPlace<Config> {
  /** Of the loss, by the parameters before the step. */
  readonly gradients: Tensors;
  /** What the optimiser would add to the parameters. */
  readonly updates: Tensors;
}

/** What a method does to its parameters in each step of training, in all places of an adapter together. */
export interface StepRule<Config> {
  /** A tree of tensors, kept from step to step. */
  init(places: readonly TrainedPlace<Config>[]): unknown;
  /**
   * The updates to make instead: for each place, in their order, those that differ. Made of ops, so that a whole step
   * can be compiled. `state` is what `init` or the step before gave.
   */
  update(
    places: readonly SteppedPlace<Config>[],
    state: unknown,
  ): { readonly updates: readonly Tensors[]; readonly state: unknown };
}
