import type { Context } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import type { AdaptedWeight } from '../adaptedWeight.ts';
import type { SiteShape } from '../siteShape.ts';

/** Says how much each of the adapters of one weight counts, for each input. A part of the tree. */
export interface Router {
  /** @param x [..., in], the input of the weight. @returns [..., n], a gate for each of the adapters there. */
  call(x: Tensor, context: Context): Tensor;
}

/** A weight that several adapters adapt, told to who makes its router. */
export interface RoutedPlace {
  /** Path of the module. */
  readonly path: string;
  /** Number of the place among those that are routed, in the order of the model. */
  readonly index: number;
  readonly shape: SiteShape;
  /** The adapters there, in the order of their gates, each on the base itself. */
  readonly layers: readonly AdaptedWeight[];
}
