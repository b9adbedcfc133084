import { kaimingUniform } from '@lorikeet/nn';
import {
  add,
  alias,
  cast,
  div,
  dot,
  foldIn,
  leadingSvd,
  mul,
  normal,
  permute,
  promote,
  qr,
  randomizedSvd,
  randomKey,
  reshape,
  type Shape,
  type Svd,
  slice,
  sliceAxis,
  sqrt,
  svd,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { FrozenArguments, InitArguments, Tensors } from '../variant.ts';
import { expertProduct } from './expertFactors.ts';
import { groupedProduct } from './groupedFactors.ts';
import { holdsB, iterationsOf, type LoraConfig, scalingOf, takesPart } from './loraConfig.ts';
import { factorsOf, matricesOf, shapesOf } from './loraFactors.ts';
import { magnitudeShape, normsOf, squaresOf } from './magnitude.ts';

/** The first values of all parameters. */
export function firstParameters(args: InitArguments<LoraConfig>): Tensors {
  if (holdsB(args.config)) return { A: zeros(shapesOf(args.shape, args.config.rank).a) };
  const pair = firstFactors(args);
  if (!args.config.useDora) return pair;
  const { config, shape } = args;
  // What was taken out of the weight is in the product: the whole starts with the lengths that the weight has.
  const below = args.compat === 'peft' ? onRoot(args) : args;
  const start = takesPart(config)
    ? below.base()
    : loraSum(below, { config, parameters: pair, frozen: {} });
  return { ...pair, magnitude: reshape(normsOf(accurate(start), shape), magnitudeShape(shape)) };
}

/** With the weight under all adapters in the place of the one under this: PEFT's norms are of that. */
export function onRoot<A extends Pick<InitArguments<LoraConfig>, 'base' | 'root'>>(args: A): A {
  return { ...args, base: () => args.root() };
}

/** What is kept of the first values, and of the weight. */
export function frozenOf(args: FrozenArguments<LoraConfig>): Tensors {
  const { config, parameters, shape, isBaseFixed } = args;
  if (holdsB(config)) return { B: minorVectors(args) };
  const first = {
    firstA: alias(parameterOf(parameters, 'A')),
    firstB: alias(parameterOf(parameters, 'B')),
  };
  const part = takesPart(config) ? first : {};
  if (!config.useDora || !isBaseFixed) return part;
  const factors = factorsOf({ config, parameters, frozen: {} });
  return { ...part, squares: squaresOf(args.base(), shape, factors) };
}

/** The weight plus the update. */
export function loraSum(
  { shape, base }: Pick<InitArguments<LoraConfig>, 'shape' | 'base'>,
  update: Parameters<typeof factorsOf>[0],
): Tensor {
  const factors = factorsOf(update);
  if (shape.groups !== 1) return add(base(), mul(groupedProduct(factors, shape), factors.scale));
  if (shape.kind === 'experts') return add(base(), mul(expertProduct(factors), factors.scale));
  // B is smaller than the product, which is scaled with it.
  const B = mul(matricesOf(factors).B, factors.scale);
  // BA for [out, in] and [O, C, ...kernel]; its transpose for a table of rows.
  const product =
    shape.kind === 'embedding'
      ? dot(factors.A, B, { contract: [[0], [1]] })
      : dot(B, factors.A, { contract: [[1], [0]] });
  return add(base(), product);
}

/** Whether the weight decides the first values, and why it cannot if it cannot. */
export function refusalOf(
  config: LoraConfig,
  { kind, in: inputs, out, groups }: InitArguments<LoraConfig>['shape'],
): string | undefined {
  const { initLoraWeights: init, rank: R } = config;
  if (kind === 'experts' && (config.dropout > 0 || config.loraBias || config.useDora))
    return 'weights of experts go without dropout, without a bias of B and without DoRA, as in PEFT';
  if (R % groups !== 0) return `the rank must be a multiple of the ${groups} groups, not ${R}`;
  if (typeof init !== 'string' || init === 'gaussian') return undefined;
  if (kind !== 'linear' && !(init === 'mica' && kind === 'embedding'))
    return `the first values '${init}' are for linear layers, not '${kind}'`;
  if (init === 'orthogonal')
    return R % 2 === 0 ? undefined : `the first values 'orthogonal' need an even rank, not ${R}`;
  const most = Math.min(inputs, out);
  return R <= most
    ? undefined
    : `the first values '${init}' have a rank of at most ${most}, not ${R}`;
}

function firstFactors(args: InitArguments<LoraConfig>): { readonly A: Tensor; readonly B: Tensor } {
  const { shape, config, key } = args;
  const { initLoraWeights: init, rank: R } = config;
  const [keyA, keyB] = [foldIn(key, 'A'), foldIn(key, 'B')];
  const { a, b } = shapesOf(shape, R);
  if (shape.kind === 'embedding') {
    // As in PEFT: A is zero, so that an unused row of the table stays as it is.
    return { A: init === false ? normal(keyA, a) : zeros(a), B: normal(keyB, b) };
  }
  if (init === 'orthogonal') return orthogonalFactors(args, R);
  if (init === 'olora') return orthonormalFactors(accurate(args.base()), R);
  const iterations = iterationsOf(init);
  if (init === 'pissa') return principalFactors(leadingSvd(accurate(args.base()), R), config);
  if (iterations !== undefined) {
    // The weight alone decides: from one key every time, so that loading finds the same.
    const options = { key: randomKey(0), iterations };
    return principalFactors(randomizedSvd(accurate(args.base()), R, options), config);
  }
  const uniform = kaimingUniform();
  // The factors of experts are drawn as one matrix, so that the other axes alone count as inputs.
  const asMatrix = (sides: Shape): Shape =>
    shape.kind === 'experts' ? [shape.experts * (sides[1] ?? 0), sides[2] ?? 0] : sides;
  const A =
    init === 'gaussian' ? normal(keyA, a, 0, 1 / R) : reshape(uniform(keyA, asMatrix(a)), a);
  const B = init === false ? reshape(uniform(keyB, asMatrix(b)), b) : zeros(b);
  if (!takesPart(config)) return { A, B };
  // Until they are made from data. The product is taken out of the weight, in its own precision.
  const dtype = promote(args.base().dtype, 'f32');
  return { A: cast(A, dtype), B: cast(B, dtype) };
}

/** PiSSA, Meng et al. 2024, https://arxiv.org/abs/2404.02948: the largest singular values, a root of each on both sides. */
function principalFactors(
  { u, s, v }: Svd,
  config: LoraConfig,
): { readonly A: Tensor; readonly B: Tensor } {
  const R = config.rank;
  const roots = sqrt(div(sliceAxis(s, 0, 0, R), scalingOf(config))); // [R]
  return {
    A: mul(permute(sliceAxis(v, 1, 0, R), [1, 0]), reshape(roots, [R, 1])), // [R, in]
    B: mul(sliceAxis(u, 1, 0, R), roots), // [out, R]
  };
}

/** OLoRA, Büyükakyüz 2024, https://arxiv.org/abs/2406.01775: the first columns of Q and rows of R in `W = Q R`. */
function orthonormalFactors(weight: Tensor, R: number): { readonly A: Tensor; readonly B: Tensor } {
  const { q, r } = qr(weight);
  return { A: sliceAxis(r, 0, 0, R), B: sliceAxis(q, 1, 0, R) };
}

/** The R directions of outputs with the smallest singular values: [out, R], of a table [width, R]. */
function minorVectors({ base, config: { rank: R }, shape }: InitArguments<LoraConfig>): Tensor {
  const { u, s, v } = svd(accurate(base()));
  return sliceAxis(shape.kind === 'embedding' ? v : u, 1, (s.shape[0] ?? 0) - R, R);
}

/**
 * Both random, with a product that is zero: rows of one orthogonal matrix, odd ones for A and even ones for B.
 * In the weight's own precision, for the product is no closer to zero than its factors are exact.
 */
function orthogonalFactors(
  { key, shape: { in: inputs, out }, base }: InitArguments<LoraConfig>,
  R: number,
): { readonly A: Tensor; readonly B: Tensor } {
  const dtype = promote(base().dtype, 'f32');
  const draw = (name: string, shape: Shape): Tensor =>
    cast(normal(foldIn(key, name), shape), dtype);
  const { q } = qr(draw('Q', [R, R]));
  const rows = (start: number): Tensor => slice(q, [start, 0], [R / 2, R], [2, 1]); // [R/2, R]
  const sideOf = (name: string, side: number, start: number): Tensor =>
    div(dot(draw(name, [side, R / 2]), rows(start), { contract: [[1], [0]] }), 10);
  return { A: permute(sideOf('A', inputs, 1), [1, 0]), B: sideOf('B', out, 0) };
}

/** Half floats have too few digits for a decomposition. */
function accurate(weight: Tensor): Tensor {
  return cast(weight, promote(weight.dtype, 'f32'));
}
