import { Shared, SharedGroup } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { ModulePlace, ModuleVariant } from './moduleVariant.ts';

/** Tensors that modules have in common, by their names. */
export type SharedParts = Readonly<Record<string, Shared<Tensor>>>;

/** Makes what modules of an adapter with equal configs have in common, by the path of each; places are in the order of the model. */
export function shareModules(
  places: readonly (ModulePlace<unknown> & { readonly variant: ModuleVariant })[],
  key: Tensor,
): ReadonlyMap<string, SharedParts> {
  const groups = new Map<string, (typeof places)[number][]>();
  for (const place of places) {
    const label = `${place.variant.name} ${JSON.stringify(place.config)}`;
    groups.set(label, [...(groups.get(label) ?? []), place]);
  }
  return new Map([...groups].flatMap(([label, group]) => shareOne(label, group, key)));
}

function shareOne(
  label: string,
  group: Parameters<typeof shareModules>[0],
  key: Tensor,
): [path: string, parts: SharedParts][] {
  const first = group[0]?.variant.share?.(group, foldIn(key, 'shared')) ?? [];
  const nodes = new Map<Tensor, Shared<Tensor>>();
  const nodeOf = (name: string, values: Tensor): Shared<Tensor> => {
    const node = nodes.get(values) ?? new Shared(values, new SharedGroup(`${label} ${name}`));
    nodes.set(values, node);
    return node;
  };
  return group.map(({ path }, i) => [
    path,
    Object.fromEntries(
      Object.entries(first[i] ?? {}).map(([name, values]) => [name, nodeOf(name, values)]),
    ),
  ]);
}
