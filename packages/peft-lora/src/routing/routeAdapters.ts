import { isReparam, type Weight } from '@lorikeet/nn';
import { childrenOf, isTreeNode, LorikeetError, rebuild } from '@lorikeet/tensor-core';
import { changesBias } from '../adaptBiases.ts';
import { AdaptedBias } from '../adaptedBias.ts';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { adapterLayers, isAdapterLayer } from '../layers.ts';
import { refuseInvocations } from './invocation.ts';
import { RoutedWeight } from './routedWeight.ts';
import type { RoutedPlace, Router } from './router.ts';

export interface RouteOptions {
  /** Whether the adapters of a module are routed, told by its path; else they stay as they are. All are by default. */
  readonly isRouted?: (path: string) => boolean;
}

/**
 * A model in which the adapters of each weight count by gates: `base + sum of gate_i (adapter_i - base)`. Modules that an
 * adapter trains as a whole stay as they are. The adapters and, if they are learned, the routers train.
 *
 * @param routerFor makes the router of a place, whose gates are in the order of `place.layers`.
 * @returns a new model. It cannot be merged or saved: `unroute` gives the adapters back.
 * @throws LorikeetError `unsupported` for adapters of embeddings and convolutions, and for those that change a bias;
 *   `no-match` if no weight has an adapter.
 */
export function routeAdapters<T>(
  tuned: T,
  routerFor: (place: RoutedPlace) => Router,
  options?: RouteOptions,
): T;
export function routeAdapters(
  tuned: unknown,
  routerFor: (place: RoutedPlace) => Router,
  { isRouted = () => true }: RouteOptions = {},
): unknown {
  refuseInvocations(tuned, 'a router');
  let index = 0;
  const walk = (node: unknown, path: readonly string[]): unknown => {
    if (node instanceof AdaptedWeight) {
      if (!isRouted(path.slice(0, -1).join('.'))) return node;
      const place = placeOf(node, path.slice(0, -1).join('.'), index++);
      return new RoutedWeight(rootOf(node), place.layers, routerFor(place));
    }
    if (isReparam(node) || !isTreeNode(node)) return node;
    const children = childrenOf(node);
    for (const [name, child] of children)
      if (child instanceof AdaptedBias && isRouted(path.join('.')))
        throw biased([...path, name].join('.'));
    const mapped = children.map(([name, child]) => [name, walk(child, [...path, name])] as const);
    return mapped.every(([, child], i) => child === children[i]?.[1])
      ? node
      : rebuild(node, mapped);
  };
  const routed = walk(tuned, []);
  if (index > 0) return routed;
  throw new LorikeetError('no-match', 'no weight of the model has an adapter', {
    hint: 'adapt the model first',
  });
}

/** The model with its adapters one around the other, as before `routeAdapters`: with the values that they have now. */
export function unroute<T>(routed: T): T;
export function unroute(routed: unknown): unknown {
  if (routed instanceof RoutedWeight)
    return routed.layers.reduce((base: Weight, layer) => layer.with({ base }), routed.base);
  if (!isTreeNode(routed)) return routed;
  const children = childrenOf(routed);
  const mapped = children.map(([name, child]) => [name, unroute(child)] as const);
  return mapped.every(([, child], i) => child === children[i]?.[1])
    ? routed
    : rebuild(routed, mapped);
}

/** Paths of the weights that `routeAdapters` routes, in its order. */
export function routedPlaces(tuned: unknown): string[] {
  const paths = adapterLayers(tuned).flatMap(({ path, layer }) =>
    layer instanceof AdaptedWeight ? [path] : [],
  );
  return [...new Set(paths)];
}

function biased(path: string): LorikeetError {
  return new LorikeetError('unsupported', 'an adapter that changes a bias cannot be routed', {
    path,
  });
}

function placeOf(weight: AdaptedWeight, path: string, index: number): RoutedPlace {
  const layers = layersOf(weight, path);
  const { site, shape } = weight.settings;
  if (site.kind !== 'linear') {
    throw new LorikeetError('unsupported', `adapters of kind '${site.kind}' cannot be routed`, {
      path,
      expected: 'linear',
    });
  }
  if (changesBias(weight)) throw biased(path);
  return { path, index, shape, layers };
}

/** From the inside out. */
function layersOf(weight: Weight, path: string): AdaptedWeight[] {
  if (!isAdapterLayer(weight)) return [];
  if (weight instanceof AdaptedWeight)
    return [...layersOf(weight.base, path), weight.with({ base: rootOf(weight) })];
  throw new LorikeetError('unsupported', 'an adapter beside others trains this weight as a whole', {
    path,
  });
}

function rootOf(weight: Weight): Weight {
  return isAdapterLayer(weight) ? rootOf(weight.base) : weight;
}
