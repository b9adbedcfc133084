import { materialize } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import type { AdaptedSite } from './adaptedSite.ts';
import { underAdapters } from './adaptedWeight.ts';
import { exchangeOrder } from './siteShape.ts';
import type { SharingPlace } from './variant.ts';

/**
 * The sites of an adapter whose variants and configs are equal, side by side.
 *
 * @param order paths of all modules, in the order in which places are told to a variant.
 */
export function alikeSites(
  sites: readonly AdaptedSite[],
  order: readonly string[],
): readonly (readonly AdaptedSite[])[] {
  const rank = new Map(order.map((path, i) => [path, i]));
  const rankOf = ({ settings }: AdaptedSite): number => rank.get(settings.path) ?? 0;
  const groups = new Map<string, AdaptedSite[]>();
  for (const site of [...sites].sort((a, b) => rankOf(a) - rankOf(b))) {
    const { variant, method } = site.settings;
    const label = `${variant.name} ${JSON.stringify(method.config)}`;
    groups.set(label, [...(groups.get(label) ?? []), site]);
  }
  return [...groups.values()];
}

/** What a variant is told of a site. */
export function sharingPlace({
  weight,
  settings: { path, shape, config, site, method },
}: AdaptedSite): SharingPlace<unknown> {
  const { compat } = method.target;
  const base = (): Tensor => exchangeOrder(site, materialize(weight));
  const root = (): Tensor => exchangeOrder(site, materialize(underAdapters(weight)));
  return { path, shape, config, compat, base, root };
}
