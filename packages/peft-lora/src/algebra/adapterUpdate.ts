import { add, LorikeetError, mul, type Tensor } from '@lorikeet/tensor-core';
import type { TrainedReason } from '../trainedWeight.ts';
import { apartFrom, type LowRank, rankOf, scaled, sumOf, truncated } from './lowRank.ts';

/** The change of a tensor that trained as a whole: a head, a norm, a bias. */
export interface WholeUpdate {
  /** Of the tensor's shape. */
  readonly change: Tensor;
  readonly reason: TrainedReason;
  /** Path of the module that was to be trained or, of a bias, of the tensor. */
  readonly path: string;
}

type ByPath<T> = Readonly<Record<string, T>>;

/**
 * What an adapter adds to its base: a point of a vector space. Sums are exact, and of thin factors throughout, so
 * that no matrix of the size of a weight is ever made.
 *
 * @example
 * const [a, b, c] = [updateOf(tuned, 'a'), updateOf(tuned, 'b'), updateOf(tuned, 'c')];
 * const mixed = a.times(0.7).plus(b).minus(c).compress(8);
 * const model = applyUpdate(base, mixed, { name: 'mixed' });
 */
export class AdapterUpdate {
  /** Changes of weights, by the path of the module. */
  readonly pairs: ByPath<LowRank>;
  /** Changes of biases beside them, [out], by the path of the module. */
  readonly biases: ByPath<Tensor>;
  /** By the path of the tensor. */
  readonly wholes: ByPath<WholeUpdate>;

  constructor(
    pairs: ByPath<LowRank>,
    biases: ByPath<Tensor> = {},
    wholes: ByPath<WholeUpdate> = {},
  ) {
    this.pairs = pairs;
    this.biases = biases;
    this.wholes = wholes;
  }

  times(by: number): AdapterUpdate {
    return weightedSum([[by, this]]);
  }

  plus(other: AdapterUpdate): AdapterUpdate {
    return weightedSum([
      [1, this],
      [1, other],
    ]);
  }

  minus(other: AdapterUpdate): AdapterUpdate {
    return weightedSum([
      [1, this],
      [-1, other],
    ]);
  }

  /** The nearest update of that rank, of each weight by itself, in the sum of squares of its elements. */
  compress(rank: number): AdapterUpdate {
    requireRank(rank);
    return this.mapPairs((pair) => truncated(pair, rank));
  }

  /** The same update with orthogonal columns on the left, the largest first, and orthonormal rows on the right. */
  orthogonalise(): AdapterUpdate {
    return this.mapPairs((pair) => truncated(pair, rankOf(pair)));
  }

  /** What of the update neither reads nor writes where the other one does. */
  apartFrom(other: AdapterUpdate): AdapterUpdate {
    return this.mapPairs((pair, path) => {
      const there = other.pairs[path];
      return there === undefined ? pair : apartFrom(pair, there);
    });
  }

  mapPairs(fn: (pair: LowRank, path: string) => LowRank): AdapterUpdate {
    const mapped = Object.entries(this.pairs).map(([path, pair]) => [path, fn(pair, path)]);
    return new AdapterUpdate(Object.fromEntries(mapped), this.biases, this.wholes);
  }
}

/** `sum of weight_i update_i`, exact: ranks add up. */
export function weightedSum(terms: readonly WeightedUpdate[]): AdapterUpdate {
  return mergeByPath(terms, {
    pair: (found, path) => {
      requireAlike(
        found.map(([, pair]) => pair),
        path,
      );
      const weighted = found.map(([by, pair]) => scaled(pair, by));
      const [only] = weighted;
      // Factors that are alone stay as they are.
      return only !== undefined && weighted.length === 1 ? only : sumOf(weighted);
    },
    tensor: sumOfTensors,
  });
}

export function sumOfTensors(found: readonly Weighted<Tensor>[]): Tensor {
  return found
    .map(([by, change]) => (by === 1 ? change : mul(change, by)))
    .reduce((sum, change) => add(sum, change));
}

/** The updates one beside the other: their sum, whose rank is the sum of theirs. PEFT's `cat`. */
export function concatenate(updates: readonly AdapterUpdate[]): AdapterUpdate {
  return weightedSum(updates.map((update) => [1, update]));
}

export type Weighted<T> = readonly [by: number, value: T];
export type WeightedUpdate = Weighted<AdapterUpdate>;

/** How what several updates have at one path becomes one. */
export interface MergeRule {
  pair(found: readonly Weighted<LowRank>[], path: string): LowRank;
  tensor(found: readonly Weighted<Tensor>[], path: string): Tensor;
}

/** Merges updates path by path; each path is merged from those that have it. */
export function mergeByPath(terms: readonly WeightedUpdate[], rule: MergeRule): AdapterUpdate {
  const wholes = collect(terms, ({ wholes }) => wholes);
  return new AdapterUpdate(
    mapRecord(
      collect(terms, ({ pairs }) => pairs),
      rule.pair,
    ),
    mapRecord(
      collect(terms, ({ biases }) => biases),
      rule.tensor,
    ),
    mapRecord(wholes, (found, path) => {
      const changes = found.map(([by, { change }]): Weighted<Tensor> => [by, change]);
      const [[, { reason, path: module }]] = found;
      return { change: rule.tensor(changes, path), reason, path: module };
    }),
  );
}

function collect<T>(
  terms: readonly WeightedUpdate[],
  part: (update: AdapterUpdate) => ByPath<T>,
): Record<string, [Weighted<T>, ...Weighted<T>[]]> {
  const found: Record<string, [Weighted<T>, ...Weighted<T>[]]> = {};
  for (const [by, update] of terms) {
    for (const [path, value] of Object.entries(part(update))) {
      const others = found[path];
      if (others === undefined) found[path] = [[by, value]];
      else others.push([by, value]);
    }
  }
  return found;
}

export function mapRecord<T, U>(
  record: ByPath<T>,
  fn: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fn(value, key)]));
}

/** Throws `shape-mismatch` for updates of weights that are not alike. */
export function requireAlike(pairs: readonly LowRank[], path: string): void {
  const shapeOf = ({ left, right }: LowRank): string => `[${left.shape[0]},${right.shape[1]}]`;
  const shapes = [...new Set(pairs.map(shapeOf))];
  if (shapes.length <= 1) return;
  throw new LorikeetError('shape-mismatch', 'adapters of different models cannot be combined', {
    path,
    expected: shapes[0],
    received: shapes.slice(1).join(', '),
  });
}

/** Throws `invalid-argument` for what is no rank. */
export function requireRank(rank: number): void {
  if (Number.isInteger(rank) && rank >= 1) return;
  throw new LorikeetError('invalid-argument', `${rank} is no rank`, {
    expected: 'a whole number from 1 up',
    received: String(rank),
  });
}
