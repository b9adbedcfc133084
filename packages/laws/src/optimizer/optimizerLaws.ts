import type { Optimizer } from '@lorikeet/nn';
import type { Law } from '../law.ts';
import {
  countsSteps,
  givesUpdatesLikeParameters,
  goesOnFromItsState,
  leavesFrozenParameters,
  mirrorsParameters,
  survivesDonation,
} from './stateLaws.ts';
import {
  descends,
  ignoresTheOrder,
  isTheSameCompiled,
  restsWithoutGradient,
  staysFiniteInHalf,
  treatsEachByItself,
} from './updateLaws.ts';

export interface OptimizerLawOptions {
  /** Whether what becomes of a parameter depends on the others, as with clipping by the global norm. Defaults to false. */
  readonly couplesParameters?: boolean;
  /** Whether parameters move without a gradient, as with weight decay. Defaults to false. */
  readonly movesWithoutGradient?: boolean;
  /** Whether it is only a stage, whose updates are no steps of a sensible size downhill. Defaults to false. */
  readonly isStage?: boolean;
}

/**
 * What every optimiser must obey, over random trees of parameters and gradients. The parameters always hold
 * `head.weight` and `head.bias`, and steps must be small enough to go down a quadratic of curvature 1.
 *
 * - The state mirrors the parameters and keeps its structure and types; updates have those of the parameters.
 * - A parameter's update depends neither on the order of parameters nor on the others; frozen ones stay.
 * - Without a gradient nothing moves; down a quadratic every parameter goes.
 * - Compiled, with donated memory, and from a saved state, steps are the same, bit for bit.
 * - Every counter named `step` counts the steps; f16 parameters stay finite.
 *
 * @example
 * describeLaws('sgd', optimizerLaws(sgd({ learningRate: 0.1 })), { describe, test });
 */
export function optimizerLaws(
  optimizer: Optimizer,
  { couplesParameters, movesWithoutGradient, isStage }: OptimizerLawOptions = {},
): readonly Law[] {
  return [
    mirrorsParameters(optimizer),
    givesUpdatesLikeParameters(optimizer),
    leavesFrozenParameters(optimizer),
    countsSteps(optimizer),
    goesOnFromItsState(optimizer),
    survivesDonation(optimizer),
    ignoresTheOrder(optimizer),
    ...(couplesParameters === true ? [] : [treatsEachByItself(optimizer)]),
    ...(movesWithoutGradient === true ? [] : [restsWithoutGradient(optimizer)]),
    isTheSameCompiled(optimizer),
    ...(isStage === true ? [] : [descends(optimizer), staysFiniteInHalf(optimizer)]),
  ];
}
