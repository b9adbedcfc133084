import {
  arange,
  cast,
  dot,
  equal,
  expandDims,
  less,
  logicalAnd,
  mul,
  reshape,
  type Tensor,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { AdapterArguments } from '../variant.ts';
import { type DivisionConfig, sidesOf } from './subspaces.ts';

/** Of the update of weight and bias: A [count R, in] or in + 1, B [out, count R], 0 where an output is in another subspace. */
export function subspaceFactors({
  config,
  shape,
  parameters,
  frozen,
}: Pick<AdapterArguments<DivisionConfig>, 'config' | 'shape' | 'parameters' | 'frozen'>): {
  readonly A: Tensor;
  readonly B: Tensor;
} {
  const { count, rank, width } = sidesOf(config, shape);
  const rows = cast(parameterOf(frozen, 'rows'), 'i32');
  const ranks = cast(parameterOf(frozen, 'ranks'), 'i32');
  const isOwn = equal(expandDims(rows, 1), arange(count)); // [out, count]
  const isUsed = less(arange(rank), expandDims(ranks, 1)); // [count, R]
  const isThere = logicalAnd(expandDims(isOwn, 2), isUsed); // [out, count, R]
  const B = parameterOf(parameters, 'B');
  const features = reshape(parameterOf(parameters, 'A'), [count * rank, width]);
  return {
    A: dot(features, parameterOf(frozen, 'newB'), { contract: [[1], [0]] }),
    B: mul(B, cast(reshape(isThere, B.shape), B.dtype)),
  };
}
