import { matmul, sliceAxis, swapAxes, type Tensor } from '@lorikeet/tensor-core';
import { formatTable } from '../formatTable.ts';
import { principalAngles } from './principalAngles.ts';
import { adaptedMatrices, spectrumOf, type UpdateSpectrum } from './updateSpectrum.ts';

/** How the subspaces lie to each other in which two updates read, or write. */
export interface SubspaceSimilarity {
  /** In radians, smallest first: as many as the smaller subspace has dimensions. */
  readonly angles: readonly number[];
  /**
   * Row i, column j: of the span of the i + 1 leading singular vectors of the one, how much lies in that of the j + 1
   * leading ones of the other, from 0 to 1. `phi(A, B, i, j)` of Hu et al. 2021, https://arxiv.org/abs/2106.09685, section 7.2.
   */
  readonly phi: readonly (readonly number[])[];
}

/** How alike two adapters are in one weight. */
export interface SimilarRow {
  /** Of the module. */
  readonly path: string;
  /** The ranks of both changes, as measured. */
  readonly ranks: readonly [number, number];
  /** Of the right singular vectors, with which the weight is multiplied by its inputs. */
  readonly inputs: SubspaceSimilarity;
  /** Of the left singular vectors. */
  readonly outputs: SubspaceSimilarity;
  /** Between the changes themselves, as vectors: 1 for one a multiple of the other. 0 if one is nothing. */
  readonly cosine: number;
}

export interface AdapterComparison {
  readonly names: readonly [string, string];
  /** Of the weights that both change. */
  readonly rows: readonly SimilarRow[];
  /** Paths of the modules that only one of them changes. */
  readonly alone: readonly [readonly string[], readonly string[]];
  /** A table for people. */
  toString(): string;
}

/**
 * How alike two adapters are, weight by weight: of one model, or of two models of one structure.
 *
 * @param names of the adapter in each model. Both default to `default`.
 * @throws LorikeetError `no-match` if there is no such adapter.
 * @example
 * const both = await compareAdapters(tuned, tuned, ['spam', 'tone']);
 * console.log(both.rows[0]?.inputs.phi);
 */
export async function compareAdapters(
  one: unknown,
  other: unknown,
  names: readonly [string, string] = ['default', 'default'],
): Promise<AdapterComparison> {
  const [a, b] = [adaptedMatrices(one, names[0]), adaptedMatrices(other, names[1])].map(
    (found) => new Map(found),
  );
  const rows: SimilarRow[] = [];
  for (const [path, layer] of a ?? []) {
    const there = b?.get(path);
    if (there === undefined) continue;
    rows.push(await similarity(await spectrumOf(path, layer), await spectrumOf(path, there)));
  }
  const onlyIn = (own: typeof a, others: typeof a): string[] =>
    [...(own?.keys() ?? [])].filter((path) => others?.has(path) !== true);
  const comparison = { names, rows, alone: [onlyIn(a, b), onlyIn(b, a)] as const };
  return { ...comparison, toString: () => format(comparison) };
}

async function similarity(a: UpdateSpectrum, b: UpdateSpectrum): Promise<SimilarRow> {
  const [outputs, inputs] = [await sideOf(a, b, 'u'), await sideOf(a, b, 'v')];
  const inner = outputs.overlap.flatMap((row, i) =>
    row.map((value, j) => {
      const sizes = (a.values[i] ?? 0) * (b.values[j] ?? 0);
      return sizes * value * (inputs.overlap[i]?.[j] ?? 0);
    }),
  );
  const size = Math.hypot(...a.values) * Math.hypot(...b.values);
  return {
    path: a.path,
    ranks: [rankOf(a), rankOf(b)],
    inputs: inputs.similarity,
    outputs: outputs.similarity,
    cosine: size === 0 ? 0 : inner.reduce((sum, value) => sum + value, 0) / size,
  };
}

/** The inner products of the singular vectors of one side, and what follows from them. */
async function sideOf(
  a: UpdateSpectrum,
  b: UpdateSpectrum,
  side: 'u' | 'v',
): Promise<{ readonly overlap: readonly number[][]; readonly similarity: SubspaceSimilarity }> {
  const [one, other] = [a, b].map((found) => sliceAxis(found.svd[side], 1, 0, rankOf(found)));
  if (one === undefined || other === undefined || one.size === 0 || other.size === 0)
    return { overlap: [], similarity: { angles: [], phi: [] } };
  const overlap = await rowsOf(matmul(swapAxes(one), other)); // [ra, rb]
  const angles = await principalAngles(one, other);
  return { overlap, similarity: { angles, phi: normalised(overlap) } };
}

/** `phi` from the inner products: the sum of squares up to row i and column j, over the most that it can be. */
function normalised(overlap: readonly number[][]): number[][] {
  const sums: number[][] = [];
  for (const [i, row] of overlap.entries()) {
    let along = 0;
    const line = row.map((value, j) => {
      along += value * value;
      return along + (sums[i - 1]?.[j] ?? 0);
    });
    sums.push(line);
  }
  // At most 1, but for rounding.
  return sums.map((row, i) => row.map((sum, j) => Math.min(1, sum / (Math.min(i, j) + 1))));
}

/** Adapters are stored in f32: what is smaller than its rounding is nothing. */
const smallest = 2 ** -23;

function rankOf({ values }: UpdateSpectrum): number {
  const [largest = 0] = values;
  return values.filter((value) => value > smallest * largest).length;
}

async function rowsOf(matrix: Tensor): Promise<number[][]> {
  const [, width = 0] = matrix.shape;
  const data = [...(await matrix.data())].map(Number);
  return Array.from({ length: data.length / width }, (_, i) =>
    data.slice(i * width, (i + 1) * width),
  );
}

function format({ rows, alone, names }: Omit<AdapterComparison, 'toString'>): string {
  const cells = rows.map(({ path, ranks, inputs, outputs, cosine }) => [
    path,
    ranks.join(' '),
    cosine.toFixed(4),
    ...[inputs, outputs].flatMap(({ phi, angles }) => [
      figure(phi[0]?.[0]),
      figure(phi.at(-1)?.at(-1)),
      figure(angles[0]),
      figure(angles.at(-1)),
    ]),
  ]);
  const sides = ['in', 'out'].flatMap((side) =>
    ['phi(1,1)', 'phi(all)', 'least angle', 'most'].map((what) => `${side} ${what}`),
  );
  const lines = alone.flatMap((paths, i) =>
    paths.length === 0
      ? []
      : [`only in ${i === 0 ? 'the first' : 'the other'} ('${names[i]}'): ${paths.join(', ')}`],
  );
  if (rows.length === 0) return ['no weight is changed by both', ...lines].join('\n');
  return [formatTable([['module', 'ranks', 'cosine', ...sides], ...cells], 1), ...lines].join('\n');
}

function figure(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(4);
}
