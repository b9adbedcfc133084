import { at, isAdaptable, type Site, selectPaths } from '@lorikeet/nn';
import {
  childrenOf,
  isTreeNode,
  LorikeetError,
  randomKey,
  type Tensor,
} from '@lorikeet/tensor-core';
import { adapterNames } from './layers.ts';
import type { ModuleMethod } from './modules/moduleVariant.ts';
import { placeModules } from './modules/placeModules.ts';
import { place, type TrainMethod } from './place.ts';
import { type LayerRanges, replicatedOnce } from './replicateLayers.ts';
import { modelPaths } from './rewrite.ts';
import { isInTarget, requireLayers, type TargetOptions } from './target.ts';
import type { Method } from './variant.ts';

/** Trains the selected modules as a whole, beside their first values. */
export function train(): TrainMethod {
  return { kind: 'train' };
}

/**
 * Selectors of module paths, and what to do with what they find. The first that fits a module decides; methods that change no
 * weight go beside others. The selector `''` is the model itself.
 */
export type AdaptSpec = Readonly<
  Record<string, Method<never> | Method | TrainMethod | ModuleMethod<never> | ModuleMethod>
>;

export interface AdaptOptions {
  /** From which the adapters' first values are made. Defaults to that of seed 0. */
  readonly key?: Tensor;
  /** Under which the adapter is saved, mixed and disabled. Defaults to `default`. */
  readonly name?: string;
  /**
   * Adapts a deeper stack of the model's layers, as `replicateLayers` makes it, and says so in files: PEFT's
   * `layer_replication`.
   */
  readonly layerReplication?: LayerRanges;
}

/**
 * Puts adapters on a model. All else is frozen: `partition(tuned, isTrainable)` gives what trains.
 *
 * @returns a new model; the given one stays whole, and its tensors are shared, not copied.
 * @throws LorikeetError as `replicateLayers` does; `no-match` with the nearest paths if a selector, or one thing of a list in it, finds nothing, or
 *   if a method selects nothing in one of its `layers`; `unsupported` if a
 *   variant cannot adapt what was found; `invalid-argument` if the name is taken.
 */
export function adapt<T>(given: T, spec: AdaptSpec, options: AdaptOptions = {}): T {
  const { key = randomKey(0), name = 'default', layerReplication: ranges } = options;
  requireFreeName(given, name);
  const model = ranges === undefined ? given : replicatedOnce(given, ranges);
  const { modules, weights } = modelPaths(model);
  const sites = sitesOf(model);
  const matrices = new Set(
    sites.flatMap(({ path, site }) => (site.kind === 'norm' ? [] : [`${path}.${site.field}`])),
  );
  const trainable = [...modules, ...weights.filter((path) => !matrices.has(path))];

  const placements = new Map<string, Method | TrainMethod>();
  const around = new Map<string, ModuleMethod>();
  const selected = new Map<TargetOptions, string[]>();
  for (const [selector, how] of Object.entries(spec)) {
    if (how.kind === 'train') {
      for (const path of selectPaths(selector, trainable)) assign(model, path, how, placements);
      continue;
    }
    if (how.kind === 'module') {
      if (ranges !== undefined) throw unreplicated(how.variant.name);
      const method = how as ModuleMethod;
      const accepting = ['', ...modules].filter((path) => accepts(model, path, method));
      const found = selector === '' ? [''] : selectPaths(selector, accepting);
      for (const path of found) if (!around.has(path)) around.set(path, method);
      continue;
    }
    // Who selects by a wide pattern means matrices: the rest is for methods that are made for it.
    const isMeant = ({ site: { kind } }: AdaptableSite): boolean =>
      (kind !== 'norm' && kind !== 'experts') || how.variant.kinds.includes(kind);
    const candidates = sites.filter(isMeant).map(({ path }) => path);
    const found = selectPaths(selector, candidates).filter((path) => isInTarget(path, how.target));
    if (found.length === 0) {
      throw new LorikeetError(
        'no-match',
        `the selector '${selector}' matches nothing that 'layers' and 'exclude' leave`,
        {
          received: JSON.stringify(how.target),
        },
      );
    }
    const method = how as Method;
    const placed = ranges === undefined ? method : replicating(method, ranges);
    for (const path of found) assign(model, path, placed, placements);
    selected.set(how.target, [...(selected.get(how.target) ?? []), ...found]);
  }
  for (const [target, paths] of selected) requireLayers(paths, target);
  return placeModules(place(model, placements, { name, key }), around, { name, key });
}

/** The method as it is written in files of an adapter on replicated layers. */
function replicating(how: Method, ranges: LayerRanges): Method {
  return { ...how, extra: { ...how.extra, layer_replication: ranges } };
}

function accepts(model: unknown, path: string, { variant }: ModuleMethod): boolean {
  const module = at(model, path);
  return typeof module === 'object' && module !== null && variant.accepts(module);
}

/** Gives a module to a method, but for those parts of it that another one has already. */
function assign(
  model: unknown,
  path: string,
  how: Method | TrainMethod,
  placements: Map<string, Method | TrainMethod>,
): void {
  const taken = [...placements.keys()];
  if (taken.some((other) => other === path || path.startsWith(`${other}.`))) return;
  if (!taken.some((other) => other.startsWith(`${path}.`))) {
    placements.set(path, how);
    return;
  }
  if (how.kind === 'adapter') {
    throw new LorikeetError(
      'invalid-argument',
      'a part of a module to adapt has a method already',
      {
        path,
        hint: 'put the selector of the module before that of its part',
      },
    );
  }
  const node = at(model, path);
  for (const [field] of isTreeNode(node) ? childrenOf(node) : [])
    assign(model, `${path}.${field}`, how, placements);
}

/** Paths of all modules whose weight can be adapted. */
export function adaptablePaths(model: unknown): string[] {
  return sitesOf(model).map(({ path }) => path);
}

interface AdaptableSite {
  readonly path: string;
  readonly site: Site;
}

function sitesOf(model: unknown): AdaptableSite[] {
  return modelPaths(model).modules.flatMap((path) => {
    const module = at(model, path);
    return isAdaptable(module) ? [{ path, site: module.site }] : [];
  });
}

/** Throws `invalid-argument` for a name that no adapter can have, or that one in the model has already. */
export function requireFreeName(model: unknown, name: string): void {
  if (!/^[\w-]+$/.test(name)) {
    throw new LorikeetError('invalid-argument', `'${name}' is no name for an adapter`, {
      expected: "letters, digits, '_' and '-', since it names a folder too",
      received: name,
    });
  }
  if (!adapterNames(model).includes(name)) return;
  throw new LorikeetError('invalid-argument', `the model has an adapter '${name}' already`, {
    expected: 'a name that is free',
    received: name,
    hint: `choose another name, or take it away with disable(model, '${name}')`,
  });
}

function unreplicated(name: string): LorikeetError {
  return new LorikeetError(
    'unsupported',
    `${name} has no place for replicated layers in its files`,
    {
      hint: 'adapt replicateLayers(model, ranges), and keep the ranges yourself',
    },
  );
}
