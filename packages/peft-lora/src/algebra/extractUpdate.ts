import { at, isAdaptable, materialize, type Site, selectPaths, type Weight } from '@lorikeet/nn';
import {
  abs,
  evaluate,
  isFloat,
  LorikeetError,
  max,
  reshape,
  type Svd,
  sub,
  svd,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';
import { adapterNames } from '../layers.ts';
import { modelPaths } from '../rewrite.ts';
import { exchangeOrder, type SiteShape, siteShapeOf } from '../siteShape.ts';
import { AdapterUpdate, requireRank, type WholeUpdate } from './adapterUpdate.ts';
import { fromSvd, type LowRank } from './lowRank.ts';

export interface ExtractOptions {
  /** Of each weight; a weight with fewer sides has less. */
  readonly rank?: number;
  /** In place of a rank: each weight gets the lowest that keeps this part of the sum of squares of its change, up to 1. */
  readonly energy?: number;
  /** Selectors of modules whose change is taken whole, such as a new head. */
  readonly whole?: readonly string[];
}

/** What of the change of one weight is in the update. */
export interface ExtractedRow {
  /** Of the module. */
  readonly path: string;
  readonly rank: number;
  /** The part of the sum of squares that is kept. */
  readonly energy: number;
}

export interface Extracted {
  readonly update: AdapterUpdate;
  readonly rows: readonly ExtractedRow[];
}

/**
 * What lies between two models of one structure, such as a checkpoint and what was made of it, as an update of low rank:
 * of each weight that can be adapted the nearest one (Eckart and Young 1936), of all else that differs the whole change.
 * `applyUpdate(base, update)` gives a LoRA. For an adapter of any method, take `disable(tuned)` and `merge(tuned)`.
 *
 * @throws LorikeetError `invalid-argument` unless there is a rank or a part of the energy, or if a model has adapters;
 *   `shape-mismatch`.
 */
export async function extractUpdate<T>(
  base: T,
  changed: T,
  options: ExtractOptions,
): Promise<Extracted> {
  requireChoice(options);
  for (const model of [base, changed]) requirePlain(model);
  const { modules, weights } = modelPaths(base);
  const pairs: Record<string, LowRank> = {};
  const wholes: Record<string, WholeUpdate> = {};
  const rows: ExtractedRow[] = [];
  const done = new Set<string>();
  const whole = new Set(
    (options.whole ?? []).flatMap((selector) => selectPaths(selector, modules)),
  );
  for (const path of modules) {
    const module = at(base, path);
    if (whole.has(path) || !isAdaptable(module) || module.site.kind === 'norm') continue;
    const { site } = module;
    const name = `${path}.${site.field}`;
    const change = changeAt(base, changed, name);
    const shape = siteShapeOf(site, change.shape);
    if (shape.groups !== 1) continue;
    done.add(name);
    if (await isNothing(change)) continue;
    const { pair, row } = await nearest(matrixOf(change, site, shape), path, options);
    pairs[path] = pair;
    rows.push(row);
  }
  for (const path of weights) {
    if (done.has(path) || !isFloat(weightAt(base, path).dtype)) continue;
    const change = changeAt(base, changed, path);
    if (await isNothing(change)) continue;
    const module = path.slice(0, path.lastIndexOf('.'));
    const isBias = path.endsWith('.bias') && Object.hasOwn(pairs, module);
    wholes[path] = isBias
      ? { change, reason: 'bias', path }
      : { change, reason: 'module', path: module };
  }
  return { update: new AdapterUpdate(pairs, {}, wholes), rows };
}

async function nearest(
  change: Tensor,
  path: string,
  { rank, energy = 1 }: ExtractOptions,
): Promise<{ readonly pair: LowRank; readonly row: ExtractedRow }> {
  const found: Svd = svd(change);
  await evaluate([found.u, found.s, found.v]);
  const squares = [...(await found.s.data())].map((value) => Number(value) ** 2);
  const total = squares.reduce((sum, value) => sum + value, 0);
  const kept = (count: number): number =>
    squares.slice(0, count).reduce((sum, value) => sum + value, 0) / total;
  let count = rank === undefined ? 1 : Math.min(rank, squares.length);
  while (rank === undefined && count < squares.length && kept(count) < energy) count++;
  return { pair: fromSvd(found, count), row: { path, rank: count, energy: kept(count) } };
}

/** The change of a weight as the matrix [out, in] of a pair. */
function matrixOf(change: Tensor, site: Site, shape: SiteShape): Tensor {
  if (shape.kind === 'embedding') return swapAxes(change);
  if (shape.kind === 'conv') return reshape(change, [shape.out, change.size / shape.out]);
  return exchangeOrder(site, change);
}

function changeAt(base: unknown, changed: unknown, path: string): Tensor {
  const [before, after] = [weightAt(base, path), weightAt(changed, path)];
  if (before.shape.join() === after.shape.join()) return sub(after, before);
  throw new LorikeetError('shape-mismatch', 'the models are not of one structure', {
    path,
    expected: `[${before.shape.join(', ')}]`,
    received: `[${after.shape.join(', ')}]`,
  });
}

function weightAt(model: unknown, path: string): Tensor {
  return materialize(at(model, path) as Weight);
}

async function isNothing(change: Tensor): Promise<boolean> {
  return change.size === 0 || (await max(abs(change)).item()) === 0;
}

function requireChoice({ rank, energy }: ExtractOptions): void {
  if ((rank === undefined) === (energy === undefined))
    throw new LorikeetError('invalid-argument', 'extractUpdate: a rank, or a part of the energy', {
      expected: 'one of both',
      received: rank === undefined ? 'neither' : 'both',
    });
  if (rank !== undefined) requireRank(rank);
  if (energy === undefined || (energy > 0 && energy <= 1)) return;
  throw new LorikeetError('invalid-argument', `${energy} is no part of the energy`, {
    expected: 'a number above 0, up to 1',
    received: String(energy),
  });
}

function requirePlain(model: unknown): void {
  const [name] = adapterNames(model);
  if (name === undefined) return;
  throw new LorikeetError('invalid-argument', `a model has the adapter '${name}'`, {
    hint: 'give plain models: of an adapted one, disable(tuned) and merge(tuned)',
  });
}
