import { cast, evaluate, type Tensor } from '@lorikeet/tensor-core';
import { formatTable } from '../formatTable.ts';
import { ulpAt } from './floats.ts';

/** How far a merged weight is from what its adapters mean. */
export interface MergedRow {
  /** Path of the weight. */
  readonly path: string;
  /** Of the merged weight; of a quantised one, in which it is dequantised. */
  readonly dtype: string;
  readonly isQuantised: boolean;
  /** The largest difference of an element. */
  readonly largest: number;
  /** The norm of the difference over that of the weight, both of Frobenius. */
  readonly relative: number;
  /** The largest difference in steps between neighbouring numbers of the dtype. */
  readonly ulps: number;
  /** The largest difference that is allowed to any element, and whether each keeps to its own. */
  readonly bound: number;
  readonly isWithinBound: boolean;
}

export interface MergeReport {
  readonly rows: readonly MergedRow[];
  /** A table for people. */
  toString(): string;
}

/** What is compared for one weight, in f64 but for the merged value. */
export interface MergeEvidence {
  readonly path: string;
  readonly value: Tensor;
  readonly isQuantised: boolean;
  readonly exact: Tensor;
  readonly bound: Tensor;
}

export async function mergeReport(evidence: readonly MergeEvidence[]): Promise<MergeReport> {
  const rows: MergedRow[] = [];
  for (const part of evidence) rows.push(await rowOf(part));
  return { rows, toString: () => format(rows) };
}

async function rowOf({
  path,
  value,
  isQuantised,
  exact,
  bound,
}: MergeEvidence): Promise<MergedRow> {
  const wide = cast(value, 'f64');
  await evaluate([wide, exact, bound]);
  const [got, want, allowed] = [await wide.data(), await exact.data(), await bound.data()];
  let [largest, ulps, most, lost, size] = [0, 0, 0, 0, 0];
  let isWithinBound = true;
  for (let i = 0; i < want.length; i++) {
    const [expected, limit] = [want[i] ?? 0, allowed[i] ?? 0];
    const ulp = ulpAt(expected, value.dtype);
    const error = Math.abs((got[i] ?? 0) - expected);
    // Below the smallest normal numbers rounding is off by half a step of theirs.
    const bounded = Math.max(limit, ulpAt(0, value.dtype) / 2);
    if (!(error <= bounded)) isWithinBound = false;
    largest = Number.isNaN(error) ? error : Math.max(largest, error);
    ulps = Math.max(ulps, error / ulp);
    most = Math.max(most, bounded);
    lost += error * error;
    size += expected * expected;
  }
  const relative = size === 0 ? Math.sqrt(lost) : Math.sqrt(lost / size);
  const { dtype } = value;
  return { path, dtype, isQuantised, largest, relative, ulps, bound: most, isWithinBound };
}

function format(rows: readonly MergedRow[]): string {
  const cells = rows.map((row) => [
    row.path,
    row.isQuantised ? `quantised ${row.dtype}` : row.dtype,
    row.isWithinBound ? 'yes' : 'NO',
    row.largest.toExponential(2),
    row.bound.toExponential(2),
    row.relative.toExponential(2),
    row.ulps.toFixed(2),
  ]);
  const head = ['weight', 'dtype', 'within bound', 'largest', 'bound', 'relative', 'ulps'];
  return formatTable([head, ...cells], 3);
}
