import { Shared, SharedGroup } from '@lorikeet/nn';
import { foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { AdaptedSite } from './adaptedSite.ts';
import { alikeSites, sharingPlace } from './alikeSites.ts';
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
  const sharing = sites.filter(({ settings }) => settings.variant.share !== undefined);
  return new Map(alikeSites(sharing, order).flatMap((group) => shareOne(group, key)));
}

function shareOne(
  group: readonly AdaptedSite[],
  key: Tensor,
): [path: string, part: Shared<SharedTensors>][] {
  const variant = group[0]?.settings.variant;
  const parts = variant?.share?.(group.map(sharingPlace), foldIn(key, variant.name)) ?? [];
  const nodes = new Map<SharedTensors, Shared<SharedTensors>>();
  return group.map(({ settings: { path } }, i) => {
    const part = parts[i];
    if (part === undefined)
      throw new LorikeetError('internal', `${variant?.name} shares nothing with ${path}`);
    const node = nodes.get(part) ?? new Shared(part, new SharedGroup(variant?.name ?? ''));
    nodes.set(part, node);
    return [path, node];
  });
}
