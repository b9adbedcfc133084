import { LorikeetError } from '@lorikeet/tensor-core';
import type { AdaptedSite } from './adaptedSite.ts';
import { alikeSites, sharingPlace } from './alikeSites.ts';

/** The sites with the configs that their variants give them among all others, where they do. */
export function apportion(
  sites: readonly AdaptedSite[],
  order: readonly string[],
): readonly AdaptedSite[] {
  return alikeSites(sites, order).flatMap((group) => {
    const variant = group[0]?.settings.variant;
    const configs = variant?.configsAmong?.(group.map(sharingPlace));
    if (configs === undefined) return group;
    return group.map((site, i) => {
      if (configs.length !== group.length)
        throw new LorikeetError('internal', `${variant?.name} has no config for each place`);
      return { ...site, settings: site.settings.with(configs[i]) };
    });
  });
}
