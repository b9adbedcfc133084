import { kaimingUniform, type Place } from '@lorikeet/nn';
import { dot, foldIn, type Tensor } from '@lorikeet/tensor-core';
import { routeAdapters } from './routeAdapters.ts';
import type { Router } from './router.ts';
import { topGates } from './topGates.ts';

export interface GateOptions {
  /** Adapters that count for an input; all by default. */
  readonly topK?: number;
  /** The higher, the more alike they count. Defaults to 1. */
  readonly temperature?: number;
  /** From which the routers' first values are made. */
  readonly key: Tensor;
}

/** Gates by a linear map of the input, which trains. */
export class LinearRouter implements Router {
  /** [n, in] */
  readonly weight: Tensor;
  readonly topK: number | null;
  readonly temperature: number;

  constructor(weight: Tensor, topK: number | null, temperature: number) {
    this.weight = weight;
    this.topK = topK;
    this.temperature = temperature;
  }

  call(x: Tensor): Tensor {
    return topGates(dot(x, this.weight, { contract: [[-1], [1]] }), this.topK, this.temperature);
  }
}

/**
 * A mixture of adapters: a router beside each weight learns which of its adapters count for an input, as in mixtures of
 * LoRA experts (Zadouri et al. 2023, https://arxiv.org/abs/2309.05444).
 *
 * @returns a new model, as `routeAdapters` makes it.
 * @example
 * const mixed = gateAdapters(tuned, { key, topK: 2 });
 * const [live, frozen] = partition(mixed, (leaf, place) => isTrainable(leaf, place) || isRouter(leaf, place));
 */
export function gateAdapters<T>(tuned: T, { topK, temperature = 1, key }: GateOptions): T {
  return routeAdapters(tuned, ({ path, shape, layers }) => {
    const weight = kaimingUniform()(foldIn(key, path), [layers.length, shape.in]);
    return new LinearRouter(weight, topK ?? null, temperature);
  });
}

/** Whether a tensor is of a router that trains: for `partition`. */
export function isRouter(_leaf: Tensor, { ancestors }: Place): boolean {
  return ancestors.some((node) => node instanceof LinearRouter);
}
