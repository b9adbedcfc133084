import {
  at,
  biasOf,
  isAdaptable,
  isReparam,
  materialize,
  type Shared,
  type Site,
  type Weight,
} from '@lorikeet/nn';
import {
  alias,
  childrenOf,
  foldIn,
  isFloat,
  isTreeNode,
  LorikeetError,
  rebuild,
  Tensor,
} from '@lorikeet/tensor-core';
import { changesBias } from './adaptBiases.ts';
import { AdaptedBias } from './adaptedBias.ts';
import type { AdaptedSite } from './adaptedSite.ts';
import { AdaptedWeight, AdapterSettings, underAdapters, withDerived } from './adaptedWeight.ts';
import { alikeSites, sharingPlace } from './alikeSites.ts';
import { apportion } from './apportion.ts';
import { isAdapterLayer } from './layers.ts';
import { modelPaths, rewrite } from './rewrite.ts';
import { requireInvocable } from './routing/invocation.ts';
import { share } from './share.ts';
import { exchangeOrder, siteShapeOf } from './siteShape.ts';
import { type TrainedReason, TrainedWeight } from './trainedWeight.ts';
import type { Method, SharedTensors, SharingPlace } from './variant.ts';

/** Trains what a selector finds as a whole: PEFT's `modules_to_save`. */
export interface TrainMethod {
  readonly kind: 'train';
}

/** What is to be done with the modules at some paths, none of which lies in another. */
export type Placements = ReadonlyMap<string, Method | TrainMethod>;

/** Puts adapters at paths that are known. Nothing is computed: first values are recorded only. */
export function place<T>(
  model: T,
  placements: Placements,
  { name, key }: { readonly name: string; readonly key: Tensor },
): T {
  const adapters = [...placements].flatMap(([path, how]) =>
    how.kind === 'train' ? [] : [[path, how] as const],
  );
  const order = modelPaths(model).modules;
  const rank = new Map(
    order.filter((path) => placements.get(path)?.kind === 'adapter').map((path, i) => [path, i]),
  );
  const sites = apportion(
    adapters.map(([path, method]) => siteAt(at(model, path), path, method)),
    order,
  );
  for (const site of sites) requireFit(site);
  const shared = share(sites, order, foldIn(key, 'shared'));
  const sitesByPath = new Map(sites.map((site) => [site.settings.path, site]));
  const alike = new Map(
    alikeSites(sites, order).flatMap((group) => {
      const places = group.map(sharingPlace);
      return places.map(({ path }) => [path, places] as const);
    }),
  );
  const plan = new Map(
    [...placements.keys()].map((path) => [
      path,
      (node: unknown) => {
        const site = sitesByPath.get(path);
        if (site === undefined) return trainAll(node, name, path);
        return adaptModule(site, {
          name,
          key: foldIn(key, path),
          index: rank.get(path) ?? 0,
          places: alike.get(path) ?? [],
          shared: shared.get(path),
        });
      },
    ]),
  );
  const adapted = rewrite(model, plan);
  return adapters.some(([, { target }]) => target.bias === 'all')
    ? trainBiases(adapted, name)
    : adapted;
}

function siteAt(module: unknown, path: string, method: Method): AdaptedSite {
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
  const hasBias = biasFieldOf(module) !== null;
  const shape = siteShapeOf(site, materialize(weight).shape, hasBias);
  return { module, weight, settings: new AdapterSettings(method, path, site, shape) };
}

/** Throws `unsupported` for a weight or a bias that the variant does not take. */
function requireFit({ weight, settings }: AdaptedSite): void {
  const { config, shape, path, variant } = settings;
  const reason = variant.refusal?.(config, shape);
  if (reason !== undefined)
    throw new LorikeetError('unsupported', `${variant.name}: ${reason}`, { path });
  if (variant.bias?.isUsed(config) === true && changesBias(weight)) {
    throw new LorikeetError(
      'unsupported',
      `${variant.name} cannot adapt a bias that an adapter changes`,
      {
        path,
        hint: 'merge the adapter below it first',
      },
    );
  }
  requireInvocable(settings);
}

/** What an adapter has at one place. */
interface PlacedAdapter {
  readonly name: string;
  readonly key: Tensor;
  /** Number of the place among those of the adapter. */
  readonly index: number;
  /** Those with the same config. */
  readonly places: readonly SharingPlace<unknown>[];
  readonly shared: Shared<SharedTensors> | undefined;
}

function adaptModule(
  { module, weight, settings }: AdaptedSite,
  { name, key, index, places, shared }: PlacedAdapter,
): unknown {
  const { config, shape, site, path, method, variant } = settings;
  const field = biasFieldOf(module);
  const bias = (): Tensor | null => biasOf(weight, field);
  const rootBias = (): Tensor | null => (field === null ? null : materialize(underAdapters(field)));
  const base = (): Tensor => exchangeOrder(site, materialize(weight));
  const root = (): Tensor => exchangeOrder(site, materialize(underAdapters(weight)));
  const { compat } = method.target;
  const parts = shared?.value;
  const given = { shape, config, base, root, bias, rootBias, compat };
  const parameters = variant.init({ ...given, key, shared: parts });
  const frozen = variant.frozen?.({
    ...given,
    key,
    index,
    places,
    path,
    parameters,
    isBaseFixed: !isAdapterLayer(weight),
    shared: parts,
  });
  if (variant.bias?.isUsed(config) === true && !isWeight(Reflect.get(module, 'bias'))) {
    throw new LorikeetError('unsupported', `${variant.name} cannot adapt the bias: there is none`, {
      path,
      hint: 'turn the option off, or choose modules that have a bias',
    });
  }
  const isBiasTrained = method.target.bias === 'lora_only' || method.target.bias === 'all';
  return rebuild(
    module,
    childrenOf(module).map(([field, child]) => {
      if (field === site.field)
        return [
          field,
          withDerived(new AdaptedWeight(weight, parameters, name, settings, 1, frozen, shared)),
        ] as const;
      if (field !== 'bias' || !isWeight(child)) return [field, child] as const;
      const below = isBiasTrained ? trained(child, name, 'bias', `${path}.bias`) : child;
      if (variant.bias?.isUsed(config) !== true) return [field, below] as const;
      const own = variant.bias.init({ ...given, key: foldIn(key, 'bias') });
      return [field, new AdaptedBias(below, own, name, settings)] as const;
    }),
  );
}

function trainAll(node: unknown, name: string, path: string): unknown {
  // Counters and masks have no gradient.
  if (isWeight(node))
    return isFloat(materialize(node).dtype) ? trained(node, name, 'module', path) : node;
  if (!isTreeNode(node)) return node;
  return rebuild(
    node,
    childrenOf(node).map(([field, child]) => [field, trainAll(child, name, path)] as const),
  );
}

/** Trains every bias that does not train yet. */
function trainBiases<T>(model: T, name: string): T {
  const train = (path: string) => (node: unknown) =>
    node instanceof Tensor ? trained(node, name, 'bias', path) : node;
  return rewrite(model, new Map(biasPaths(model).map((path) => [path, train(path)] as const)));
}

/** Paths of the biases of a model: by PEFT's rule, of all parameters whose path says so anywhere. */
export function biasPaths(model: unknown): string[] {
  const isParameter = (weight: unknown): boolean =>
    isWeight(weight) && isFloat(materialize(weight).dtype);
  return modelPaths(model).weights.filter(
    (path) => path.includes('bias') && isParameter(at(model, path)),
  );
}

function trained(base: Weight, name: string, reason: TrainedReason, path: string): TrainedWeight {
  // The same values under another identity: the base stays the model's own tensor.
  return new TrainedWeight(base, alias(materialize(base)), name, reason, path);
}

/** The bias beside a module's weight. */
function biasFieldOf(module: Readonly<Record<string, unknown>>): Weight | null {
  return isWeight(module.bias) ? module.bias : null;
}

/** Whether a node of a tree is a tensor, or one that is made of others. */
export function isWeight(value: unknown): value is Weight {
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
