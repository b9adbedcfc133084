import { at, isAdaptable, materialize, selectPaths, type Weight } from '@lorikeet/nn';
import {
  abs,
  evaluate,
  isFloat,
  LorikeetError,
  max,
  type Svd,
  sub,
  svd,
  type Tensor,
} from '@lorikeet/tensor-core';
import { adapterNames } from '../layers.ts';
import { modelPaths } from '../rewrite.ts';
import { siteShapeOf } from '../siteShape.ts';
import { AdapterUpdate, type WholeUpdate } from './adapterUpdate.ts';
import { type EnergyChoice, type KeptEnergy, keptOf, requireChoice } from './energy.ts';
import { asMatrix, fromSvd, type LowRank } from './lowRank.ts';

export interface ExtractOptions extends EnergyChoice {
  /** Selectors of modules whose change is taken whole, such as a new head. */
  readonly whole?: readonly string[];
}

/** What of the change of one weight is in the update. */
export interface ExtractedRow extends KeptEnergy {
  /** Of the module. */
  readonly path: string;
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
  requireChoice(options, 'extractUpdate');
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
    if (whole.has(path) || !isAdaptable(module)) continue;
    const { site } = module;
    if (site.kind === 'norm' || site.kind === 'experts') continue;
    const name = `${path}.${site.field}`;
    const change = changeAt(base, changed, name);
    const shape = siteShapeOf(site, change.shape);
    if (shape.groups !== 1) continue;
    done.add(name);
    if (await isNothing(change)) continue;
    const { pair, row } = await nearest(asMatrix(change, { site, shape }), path, options);
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
  options: EnergyChoice,
): Promise<{ readonly pair: LowRank; readonly row: ExtractedRow }> {
  const found: Svd = svd(change);
  await evaluate([found.u, found.s, found.v]);
  const kept = keptOf([...(await found.s.data())].map(Number), options);
  return { pair: fromSvd(found, kept.rank), row: { path, ...kept } };
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

function requirePlain(model: unknown): void {
  const [name] = adapterNames(model);
  if (name === undefined) return;
  throw new LorikeetError('invalid-argument', `a model has the adapter '${name}'`, {
    hint: 'give plain models: of an adapted one, disable(tuned) and merge(tuned)',
  });
}
