import {
  abs,
  concat,
  dot,
  full,
  LorikeetError,
  reshape,
  sliceAxis,
  stack,
  stopGradient,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { AdaptedWeight } from '../adaptedWeight.ts';
import { type LowRank, scaled, sumOf, svdOf } from '../algebra/lowRank.ts';
import { lowRankOf } from '../algebra/updateOf.ts';
import { requireAdapter } from '../compose.ts';
import { routeAdapters } from './routeAdapters.ts';
import type { Router } from './router.ts';
import { topGates } from './topGates.ts';

export interface ArrowOptions {
  /** Adapters that count for an input. Defaults to 3. */
  readonly topK?: number;
  /** The higher, the more alike they count. Defaults to 1. */
  readonly temperature?: number;
  /**
   * Adapters of general knowledge: the mean of what they change is taken away from every other (Ilharco et al. 2022,
   * https://arxiv.org/abs/2212.04089), so that what is left is the task's own.
   */
  readonly general?: readonly string[];
}

/** Gates by how far an input lies along the direction that each adapter changes most. Nothing of it trains. */
export class ArrowRouter implements Router {
  /** [n, in]: for each adapter of a task, the first right singular vector of what it changes. */
  readonly prototypes: Tensor;
  readonly topK: number;
  readonly temperature: number;
  /** Which of the place's adapters are of general knowledge. */
  readonly isGeneral: readonly boolean[];

  constructor(
    prototypes: Tensor,
    topK: number,
    temperature: number,
    isGeneral: readonly boolean[],
  ) {
    this.prototypes = prototypes;
    this.topK = topK;
    this.temperature = temperature;
    this.isGeneral = isGeneral;
  }

  call(x: Tensor): Tensor {
    const along = abs(dot(x, this.prototypes, { contract: [[-1], [1]] })); // [..., n]
    const gates = topGates(along, this.topK, this.temperature);
    // Gates sum to 1, so that to take the mean away from each is to take it away once.
    const shape = [...gates.shape.slice(0, -1), 1];
    const count = this.isGeneral.filter(Boolean).length;
    const away = full(shape, -1 / count, gates.dtype);
    let task = 0;
    return concat(
      this.isGeneral.map((general) => (general ? away : sliceAxis(gates, -1, task++, 1))),
      -1,
    );
  }
}

/**
 * Arrow routing: for each token and weight, the adapters whose main direction the input lies along most, by the softmax of
 * `|x . direction|`. No training and no data. Ostapenko et al. 2024, https://arxiv.org/abs/2405.11157
 *
 * @returns a new model, as `routeAdapters` makes it.
 * @throws LorikeetError `no-match` for a general adapter that is not there; `unsupported` for a method whose change is
 *   no low-rank product, and for a weight that general adapters alone adapt.
 */
export function arrow<T>(
  tuned: T,
  { topK = 3, temperature = 1, general = [] }: ArrowOptions = {},
): T {
  for (const name of general) requireAdapter(tuned, name);
  return routeAdapters(tuned, ({ path, layers }) => {
    const pairs = layers.map((layer) => pairOf(layer, path));
    const isGeneral = layers.map(({ name }) => general.includes(name));
    const known = pairs.filter((_, i) => isGeneral[i]);
    const away = known.map((pair) => scaled(pair, -1 / known.length));
    const tasks = pairs.filter((_, i) => !isGeneral[i]);
    if (tasks.length === 0) throw refused('only general adapters adapt this weight', path);
    const prototypes = stack(tasks.map((pair) => mainDirection(sumOf([pair, ...away]))));
    return new ArrowRouter(stopGradient(prototypes), topK, temperature, isGeneral);
  });
}

/** The unit vector that a product makes longest: [in]. */
function mainDirection(pair: LowRank): Tensor {
  return reshape(sliceAxis(svdOf(pair).v, 1, 0, 1), [-1]);
}

function pairOf(layer: AdaptedWeight, path: string): LowRank {
  const pair = lowRankOf(layer);
  if (pair !== undefined) return pair;
  throw refused(`what ${layer.settings.variant.name} changes is no low-rank product`, path);
}

function refused(summary: string, path: string): LorikeetError {
  return new LorikeetError('unsupported', `arrow: ${summary}`, { path });
}
