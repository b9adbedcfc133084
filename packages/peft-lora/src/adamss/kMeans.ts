import { LorikeetError, operand, type Primitive, record, type Tensor } from '@lorikeet/tensor-core';
import { MersenneTwister } from '../torch/mersenneTwister.ts';

type KMeansAttributes = { readonly clusters: number };

/** As scikit-learn is called for AdaMSS. */
const seed = 123456789;
const mostIterations = 10;
const tolerance = 1e-4;

const kMeansOp: Primitive<KMeansAttributes> = {
  kind: 'primitive',
  name: 'kMeans',
  infer([points], { clusters }) {
    const [count = 0] = points?.shape ?? [];
    if (points?.shape.length !== 2 || clusters > count)
      throw new LorikeetError('shape-mismatch', `kMeans: ${count} points, ${clusters} clusters`);
    return { shape: [count], dtype: 'i32' };
  },
  evaluate(inputs, { clusters }, { data: out }) {
    const { data, shape } = operand(inputs, 0);
    const [count = 0, width = 0] = shape;
    const points = Array.from({ length: count }, (_, i) =>
      Array.from(data.subarray(i * width, (i + 1) * width)),
    );
    out.set(labelsOf(points, clusters));
  },
  derivative: 'none',
  batch: 'loop',
  sample: () => ({ inputs: [{ shape: [4, 2] }], attributes: { clusters: 2 } }),
};

/**
 * For each point, [count, width], the number of its cluster, i32 [count]: the k-means of scikit-learn (Lloyd 1982) from
 * random points by a fixed seed, one run of ten rounds.
 */
export function kMeans(points: Tensor, clusters: number): Tensor {
  return record(kMeansOp, [points], { clusters });
}

type Point = readonly number[];

function labelsOf(given: readonly Point[], clusters: number): number[] {
  const mean = meanOf(given);
  const points = given.map((point) => point.map((value, i) => value - (mean[i] ?? 0)));
  const spread =
    points.flat().reduce((sum, value) => sum + value * value, 0) / points.flat().length;
  let centers: readonly Point[] = chosen(points.length, clusters).map((i) => points[i] ?? []);
  let labels = points.map(() => -1);
  for (let round = 0; round < mostIterations; round++) {
    const next = points.map((point) => nearest(point, centers));
    const moved = centersOf(points, next, centers);
    const shift = moved.reduce((sum, center, i) => sum + distance(center, centers[i] ?? []), 0);
    centers = moved;
    const isSame = next.every((label, i) => label === labels[i]);
    labels = next;
    if (isSame) return labels;
    if (shift <= spread * tolerance) break;
  }
  return points.map((point) => nearest(point, centers));
}

/** Indices as of `numpy.random.RandomState.choice` without replacement and with equal weights. */
function chosen(count: number, clusters: number): number[] {
  const generator = new MersenneTwister(seed);
  const uniform = (): number =>
    ((generator.bits() >>> 5) * 2 ** 26 + (generator.bits() >>> 6)) / 2 ** 53;
  const found: number[] = [];
  while (found.length < clusters) {
    const left = Array.from({ length: count }, (_, i) => i).filter((i) => !found.includes(i));
    const drawn = Array.from({ length: clusters - found.length }, uniform);
    const picked = drawn.map((value) => left[Math.floor(value * left.length)] ?? 0);
    found.push(...new Set(picked));
  }
  return found;
}

function centersOf(
  points: readonly Point[],
  labels: readonly number[],
  before: readonly Point[],
): Point[] {
  const own = before.map((_, cluster) =>
    points.flatMap((_, i) => (labels[i] === cluster ? [i] : [])),
  );
  const empty = own.flatMap((members, cluster) => (members.length === 0 ? [cluster] : []));
  const far = points
    .map((point, i) => ({ i, far: distance(point, before[labels[i] ?? 0] ?? []) }))
    .sort((a, b) => b.far - a.far);
  // A cluster without points takes the one farthest from its center.
  if ((far[0]?.far ?? 0) > 0)
    for (const [rank, cluster] of empty.entries()) {
      const { i = 0 } = far[rank] ?? {};
      const from = labels[i] ?? 0;
      own[from] = (own[from] ?? []).filter((member) => member !== i);
      own[cluster] = [i];
    }
  const largest = own.reduce(
    (best, members) => (members.length > best.length ? members : best),
    [],
  );
  return own.map((members) =>
    meanOf((members.length === 0 ? largest : members).map((i) => points[i] ?? [])),
  );
}

function meanOf(points: readonly Point[]): number[] {
  const [first = []] = points;
  return first.map(
    (_, i) => points.reduce((sum, point) => sum + (point[i] ?? 0), 0) / points.length,
  );
}

/** The first of the centers that are nearest. */
function nearest(point: Point, centers: readonly Point[]): number {
  const all = centers.map((center) => distance(point, center));
  return all.indexOf(Math.min(...all));
}

/** Squared. */
function distance(a: Point, b: Point): number {
  return a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0);
}
