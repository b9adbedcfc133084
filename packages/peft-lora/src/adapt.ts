import {
  at,
  isAdaptable,
  isReparam,
  materialize,
  nodePaths,
  type Site,
  selectPaths,
  type Weight,
} from '@lorikeet/nn';
import {
  alias,
  childrenOf,
  foldIn,
  isTreeNode,
  LorikeetError,
  randomKey,
  rebuild,
  Tensor,
} from '@lorikeet/tensor-core';
import { AdaptedBias } from './adaptedBias.ts';
import { AdaptedWeight, AdapterSettings } from './adaptedWeight.ts';
import { adapterNames } from './layers.ts';
import { isInTarget } from './target.ts';
import { TrainedWeight } from './trainedWeight.ts';
import type { Method } from './variant.ts';

/** Trains what a selector finds as a whole: PEFT's `modules_to_save`. */
export interface TrainMethod {
  readonly kind: 'train';
}

/** Trains the selected modules as a whole, beside their first values. */
export function train(): TrainMethod {
  return { kind: 'train' };
}

/** Selectors of module paths, and what to do with what they find. The first that fits a module decides. */
export type AdaptSpec = Readonly<Record<string, Method<never> | Method | TrainMethod>>;

export interface AdaptOptions {
  /** From which the adapters' first values are made. Defaults to that of seed 0. */
  readonly key?: Tensor;
  /** Under which the adapter is saved, mixed and disabled. Defaults to `default`. */
  readonly name?: string;
}

/**
 * Puts adapters on a model. All else is frozen: `partition(tuned, isTrainable)` gives what trains.
 *
 * @returns a new model; the given one stays whole, and its tensors are shared, not copied.
 * @throws LorikeetError `no-match` with the nearest paths if a selector finds nothing; `unsupported` if a
 *   variant cannot adapt what was found; `invalid-argument` if the name is taken.
 */
export function adapt<T>(model: T, spec: AdaptSpec, options: AdaptOptions = {}): T {
  const { key = randomKey(0), name = 'default' } = options;
  requireFreeName(model, name);
  const sites = adaptablePaths(model);
  const modules = nodePaths(model).filter(
    (path) =>
      !(at(model, path) instanceof Tensor) || !sites.some((site) => path.startsWith(`${site}.`)),
  );

  const plan = new Map<string, (node: unknown) => unknown>();
  const taken = new Set<string>();
  const claim = (path: string): boolean => {
    const isTaken = [...taken].some(
      (other) => other === path || path.startsWith(`${other}.`) || other.startsWith(`${path}.`),
    );
    taken.add(path);
    return !isTaken;
  };
  for (const [selector, how] of Object.entries(spec)) {
    if (how.kind === 'train') {
      for (const path of selectPaths(selector, modules)) {
        if (claim(path)) plan.set(path, (node) => trainAll(node, name, path));
      }
      continue;
    }
    const found = selectPaths(selector, sites).filter((path) => isInTarget(path, how.target));
    if (found.length === 0) {
      throw new LorikeetError(
        'no-match',
        `the selector '${selector}' matches nothing that 'layers' and 'exclude' leave`,
        {
          received: JSON.stringify(how.target),
        },
      );
    }
    const adapted = found.filter(claim);
    for (const path of adapted)
      plan.set(path, (node) => adaptModule(node, path, how as Method, name, foldIn(key, path)));
  }
  const adapted = rewrite(model, plan);
  const mode = Object.values(spec).find(
    (how) => how.kind === 'adapter' && how.target.bias === 'all',
  );
  return mode === undefined ? adapted : trainBiases(adapted, name);
}

/** Paths of all modules whose weight can be adapted. */
export function adaptablePaths(model: unknown): string[] {
  return nodePaths(model).filter((path) => isAdaptable(at(model, path)));
}

/** Rebuilds a tree with the nodes at some paths replaced; all else is shared. */
export function rewrite<T>(tree: T, plan: ReadonlyMap<string, (node: unknown) => unknown>): T;
export function rewrite(
  tree: unknown,
  plan: ReadonlyMap<string, (node: unknown) => unknown>,
): unknown {
  const visit = (node: unknown, path: string): unknown => {
    const replace = plan.get(path);
    if (replace !== undefined) return replace(node);
    if (!isTreeNode(node)) return node;
    const children = childrenOf(node);
    const mapped = children.map(
      ([name, child]) => [name, visit(child, path === '' ? name : `${path}.${name}`)] as const,
    );
    return mapped.every(([, child], i) => child === children[i]?.[1])
      ? node
      : rebuild(node, mapped);
  };
  return visit(tree, '');
}

function adaptModule(
  module: unknown,
  path: string,
  method: Method,
  name: string,
  key: Tensor,
): unknown {
  if (!isAdaptable(module) || !isTreeNode(module))
    throw new LorikeetError('internal', `nothing to adapt at ${path}`);
  const { site } = module;
  const weight = weightOf(module, site, path);
  const { variant } = method;
  if (!variant.kinds.includes(site.kind)) {
    throw new LorikeetError(
      'unsupported',
      `${variant.name} cannot adapt a weight of kind '${site.kind}'`,
      {
        path,
        expected: variant.kinds.join(', '),
        received: site.kind,
      },
    );
  }
  const settings = new AdapterSettings(method, path, site, materialize(weight));
  const { config, shape } = settings;
  const parameters = variant.init({ shape, config, key });
  return rebuild(
    module,
    childrenOf(module).map(([field, child]) => {
      if (field === site.field)
        return [field, new AdaptedWeight(weight, parameters, name, settings)] as const;
      if (field !== 'bias' || !isWeight(child)) return [field, child] as const;
      if (variant.bias?.isUsed(config) === true) {
        const own = variant.bias.init({ shape, config, key: foldIn(key, 'bias') });
        return [field, new AdaptedBias(child, own, name, settings)] as const;
      }
      const isTrained = method.target.bias === 'lora_only' || method.target.bias === 'all';
      return [field, isTrained ? trained(child, name, 'bias', `${path}.bias`) : child] as const;
    }),
  );
}

function trainAll(node: unknown, name: string, path: string): unknown {
  if (isWeight(node)) return trained(node, name, 'module', path);
  if (!isTreeNode(node)) return node;
  return rebuild(
    node,
    childrenOf(node).map(([field, child]) => [field, trainAll(child, name, path)] as const),
  );
}

/** Trains every bias that does not train yet. */
function trainBiases<T>(model: T, name: string): T {
  const plan = new Map<string, (node: unknown) => unknown>();
  for (const path of nodePaths(model)) {
    if (!path.endsWith('.bias') && path !== 'bias') continue;
    plan.set(path, (node) => (node instanceof Tensor ? trained(node, name, 'bias', path) : node));
  }
  return rewrite(model, plan);
}

function trained(
  base: Weight,
  name: string,
  reason: 'module' | 'bias',
  path: string,
): TrainedWeight {
  // The same values under another identity: the base stays the model's own tensor.
  return new TrainedWeight(base, alias(materialize(base)), name, reason, path);
}

function isWeight(value: unknown): value is Weight {
  return value instanceof Tensor || isReparam(value);
}

function weightOf(module: Readonly<Record<string, unknown>>, site: Site, path: string): Weight {
  const weight = module[site.field];
  if (isWeight(weight)) return weight;
  throw new LorikeetError(
    'internal',
    `the module's site names the field '${site.field}', which is no weight`,
    { path },
  );
}

function requireFreeName(model: unknown, name: string): void {
  if (name === '' || name.includes('.')) {
    throw new LorikeetError('invalid-argument', `'${name}' is no name for an adapter`, {
      expected: 'a name without dots',
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
