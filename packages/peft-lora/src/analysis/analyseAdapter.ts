import { materialize } from '@lorikeet/nn';
import {
  evaluate,
  matmul,
  sub,
  sum,
  swapAxes,
  type Tensor,
  vectorNorm,
} from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { keptOf, requireEnergy } from '../algebra/energy.ts';
import { asMatrix } from '../algebra/lowRank.ts';
import { type AdapterLayer, adapterLayers } from '../layers.ts';
import { inDoubles } from '../merging/mergedWeight.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import type { AdapterAnalysis, AnalysedRow, AnalysedWhole, Drift } from './adapterAnalysis.ts';
import { effectiveRank } from './effectiveRank.ts';
import { formatAnalysis } from './formatAnalysis.ts';
import { type IntruderOptions, intrudersOf, requireIntruderOptions } from './intruders.ts';
import { spectralNorm } from './spectralNorm.ts';
import { adaptedMatrices, spectrumOf, type UpdateSpectrum } from './updateSpectrum.ts';

export interface AnalysisOptions {
  /** Which adapter. Defaults to `default`. */
  readonly name?: string;
  /** The part of the sum of squares that a suggested rank keeps, up to 1. Defaults to 0.95. */
  readonly energy?: number;
  /** Whether changes are measured against the weights below, too. Defaults to true. */
  readonly drift?: boolean;
  /** Counts intruder dimensions, which decomposes every weight whole. Not if left out. */
  readonly intruders?: IntruderOptions;
}

/**
 * What an adapter does to its base, weight by weight: the singular values of the change, effective rank, norms, drift from
 * the base and the rank that would do. Where the method adds a low-rank product, from its thin factors alone.
 *
 * @throws LorikeetError `no-match` if there is no such adapter; `invalid-argument`.
 * @example
 * const analysis = await analyseAdapter(tuned, { energy: 0.9 });
 * console.log(String(analysis));
 */
export async function analyseAdapter(
  tuned: unknown,
  { name = 'default', energy = 0.95, drift = true, intruders }: AnalysisOptions = {},
): Promise<AdapterAnalysis> {
  requireEnergy(energy);
  if (intruders !== undefined) requireIntruderOptions(intruders);
  const rows: AnalysedRow[] = [];
  for (const [path, layer] of adaptedMatrices(tuned, name)) {
    const spectrum = await spectrumOf(path, layer);
    const { values } = spectrum;
    rows.push({
      path,
      method: layer.settings.variant.name,
      shape: shapeOf(layer),
      singularValues: values,
      effectiveRank: effectiveRank(values),
      frobeniusNorm: Math.hypot(...values),
      spectralNorm: values[0] ?? 0,
      suggested: isNothing(values) ? { rank: 0, energy: 1 } : keptOf(values, { energy }),
      drift: drift ? await driftOf(spectrum) : null,
      intruders: intruders === undefined ? null : await intrudersOf(spectrum, intruders),
    });
  }
  const wholes: AnalysedWhole[] = [];
  for (const { path, layer } of adapterLayers(tuned))
    if (layer.name === name && !isMatrix(layer)) wholes.push(await wholeOf(path, layer, drift));
  const analysis = { name, energy, rows, wholes };
  return { ...analysis, toString: () => formatAnalysis(analysis) };
}

/** Of the change and the base by products with the singular vectors: the adapted weight is not made. */
async function driftOf({ layer, svd: { u, s, v }, values }: UpdateSpectrum): Promise<Drift> {
  const base = asMatrix(materialize(layer.base), layer.settings); // [out, in]
  const along = sum(
    matmul(swapAxes(u), base)
      .mul(swapAxes(v))
      .mul(s.reshape([s.size, 1])),
  );
  const figures = [vectorNorm(base), spectralNorm(base), along];
  const [size = 0, largest = 0, inner = 0] = await numbersOf(figures);
  const change = Math.hypot(...values);
  return {
    frobenius: change / size,
    spectral: (values[0] ?? 0) / largest,
    cosine: cosineOf(size, change, inner),
  };
}

async function wholeOf(path: string, narrow: AdapterLayer, drift: boolean): Promise<AnalysedWhole> {
  const method = narrow instanceof TrainedWeight ? 'train' : narrow.settings.variant.name;
  const start = { path, method, shape: shapeOf(narrow) };
  if (!drift) return { ...start, frobeniusNorm: null, drift: null };
  const layer = inDoubles(narrow);
  const base = materialize(layer.base);
  const change = sub(layer.materialize(), base);
  const figures = [vectorNorm(base), vectorNorm(change), sum(base.mul(change))];
  const [size = 0, norm = 0, inner = 0] = await numbersOf(figures);
  const cosine = cosineOf(size, norm, inner);
  return {
    ...start,
    frobeniusNorm: norm,
    drift: { frobenius: norm / size, spectral: null, cosine },
  };
}

/** Of W and W + D, from the norms of both and their inner product. */
function cosineOf(size: number, change: number, inner: number): number {
  const adapted = Math.sqrt(Math.max(0, size ** 2 + 2 * inner + change ** 2));
  return Math.min(1, Math.max(-1, (size ** 2 + inner) / (size * adapted)));
}

async function numbersOf(scalars: readonly Tensor[]): Promise<number[]> {
  await evaluate(scalars);
  return Promise.all(scalars.map((scalar) => scalar.item()));
}

function shapeOf(layer: AdapterLayer): readonly number[] {
  return materialize(layer.base).shape;
}

function isMatrix(layer: AdapterLayer): boolean {
  return layer instanceof AdaptedWeight && layer.settings.shape.kind !== 'norm';
}

function isNothing(values: readonly number[]): boolean {
  return values.every((value) => value === 0);
}
