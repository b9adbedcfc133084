import { foldIn, LorikeetError, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { requireRank, type WeightedUpdate } from './adapterUpdate.ts';
import { type MajoritySign, pruneAtRandom, pruneByMagnitude } from './taskVectors.ts';

/** PEFT's `combination_type`. */
export type CombinationKind =
  | 'linear'
  | 'cat'
  | 'svd'
  | 'ties'
  | 'ties_svd'
  | 'dare_linear'
  | 'dare_linear_svd'
  | 'dare_ties'
  | 'dare_ties_svd'
  | 'magnitude_prune'
  | 'magnitude_prune_svd';

export interface CombineOptions {
  /** Defaults to `linear`, the exact weighted sum. */
  readonly kind?: CombinationKind;
  /** Of the result of an svd kind. Defaults to the highest rank among the adapters, at each weight. */
  readonly rank?: number;
  /** The share of elements that is kept, from 0 to 1: of ties, dare and magnitude_prune, which need it. */
  readonly density?: number;
  /** Of ties: whether sizes decide or heads are counted. Defaults to `total`. */
  readonly majoritySign?: MajoritySign;
  /** Of dare, which needs it. */
  readonly key?: Tensor;
  /**
   * `peft`: what Hugging Face PEFT 0.21 computes, which differs from the mathematics: see `docs/reference/combining.md`.
   */
  readonly compat?: 'peft';
  /** With `compat`: whether the first adapter has rsLoRA, which PEFT hands on to the result. */
  readonly useRslora?: boolean;
  /** With `compat` and an svd kind: the quantile beyond which elements of the singular vectors are cut. */
  readonly clamp?: number;
}

/** Options that are complete, and the name of the method without what makes it an svd kind. */
export interface CombinationPlan {
  readonly method: 'linear' | 'cat' | 'ties' | 'dare_linear' | 'dare_ties' | 'magnitude_prune';
  readonly isSvd: boolean;
  readonly rank: number | undefined;
  readonly density: number;
  readonly majoritySign: MajoritySign;
  readonly clamp: number | undefined;
  readonly useRslora: boolean;
  key(index: number, path: string): Tensor;
}

/** The pruning that a method begins with. */
export function prune(
  value: Tensor,
  { method, density, key }: CombinationPlan,
  index: number,
  path: string,
): Tensor {
  return method.startsWith('dare')
    ? pruneAtRandom(value, density, key(index, path))
    : pruneByMagnitude(value, density);
}

/** Checks and completes options. Throws `invalid-argument`. */
export function planOf(terms: readonly WeightedUpdate[], options: CombineOptions): CombinationPlan {
  const {
    kind = 'linear',
    rank,
    density,
    majoritySign = 'total',
    key,
    clamp,
    compat,
    useRslora = false,
  } = options;
  if (terms.length === 0)
    throw invalid('there is nothing to combine', 'one adapter at least', 'none');
  if (rank !== undefined) requireRank(rank);
  const isSvd = kind.endsWith('svd');
  const method =
    kind === 'svd' ? 'linear' : (kind.replace(/_svd$/, '') as CombinationPlan['method']);
  const prunes = method !== 'linear' && method !== 'cat';
  if (prunes && !(density !== undefined && density >= 0 && density <= 1))
    throw invalid(`${kind} needs a density`, 'a share from 0 to 1', String(density));
  if (method.startsWith('dare') && density === 0)
    throw invalid(`${kind} would keep nothing`, 'a density above 0', '0');
  if (method.startsWith('dare') && key === undefined && density !== 1)
    throw invalid(`${kind} draws at random and needs a key`, 'a key from randomKey', 'none');
  if (clamp !== undefined && (compat === undefined || !isSvd))
    throw invalid('clamp is of svd kinds with compat only', 'no clamp', String(clamp));
  if (useRslora && compat === undefined)
    throw invalid('useRslora is for compat only', 'no useRslora', 'true');
  return {
    method,
    isSvd,
    rank,
    density: density ?? 1,
    majoritySign,
    clamp,
    useRslora,
    key: (index, path) => foldIn(foldIn(key ?? randomKey(0), path), index),
  };
}

function invalid(summary: string, expected: string, received: string): LorikeetError {
  return new LorikeetError('invalid-argument', summary, { expected, received });
}
