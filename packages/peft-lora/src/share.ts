import { Shared, SharedGroup } from '@lorikeet/nn';
import { foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { AdaptedSite } from './adaptedSite.ts';
import type { SharedTensors } from './variant.ts';

/**
 * Makes what the places of an adapter have in common, for those whose variant shares and whose configs are equal.
 *
 * @param order paths of all modules, in the order in which places are told to the variant.
 * @returns by the path of each module that shares.
 */
export function share(
  sites: readonly AdaptedSite[],
  order: readonly string[],
  key: Tensor,
): ReadonlyMap<string, Shared<SharedTensors>> {
  const groups = new Map<string, AdaptedSite[]>();
  const sharing = sites.filter(({ settings }) => settings.variant.share !== undefined);
  for (const site of sharing) {
    const { variant, method } = site.settings;
    const label = `${variant.name} ${JSON.stringify(method.config)}`;
    groups.set(label, [...(groups.get(label) ?? []), site]);
  }
  const shared = new Map<string, Shared<SharedTensors>>();
  for (const group of groups.values())
    for (const [path, part] of shareOne(group, order, key)) shared.set(path, part);
  return shared;
}

function shareOne(
  group: readonly AdaptedSite[],
  order: readonly string[],
  key: Tensor,
): [path: string, part: Shared<SharedTensors>][] {
  const rank = new Map(order.map((path, i) => [path, i]));
  const places = group
    .map(({ settings: { path, shape, config, variant } }) => ({ path, shape, config, variant }))
    .sort((a, b) => (rank.get(a.path) ?? 0) - (rank.get(b.path) ?? 0));
  const variant = places[0]?.variant;
  const parts = variant?.share?.(places, foldIn(key, variant.name)) ?? [];
  const nodes = new Map<SharedTensors, Shared<SharedTensors>>();
  return places.map(({ path }, i) => {
    const part = parts[i];
    if (part === undefined)
      throw new LorikeetError('internal', `${variant?.name} shares nothing with ${path}`);
    const node = nodes.get(part) ?? new Shared(part, new SharedGroup(variant?.name ?? ''));
    nodes.set(part, node);
    return [path, node];
  });
}
