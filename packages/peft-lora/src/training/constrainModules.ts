import { paths } from '@lorikeet/nn';
import { add, mapTensors, sub, type Tensor } from '@lorikeet/tensor-core';
import { moduleAdapters } from '../modules/moduleAdapter.ts';

/**
 * The updates to make instead where methods hold the parameters of a module in a set, by their paths.
 *
 * @param parameters the trainable side of a model, before the step.
 * @param updates what an optimiser would add to it.
 */
export function constrainModules(
  parameters: unknown,
  updates: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Tensor> {
  const changed = new Map<string, Tensor>();
  for (const { adapter, own } of moduleAdapters(parameters)) {
    const { variant, config } = adapter.settings;
    if (variant.constrain === undefined) continue;
    const pathOf = (name: string): string => `${own}.parameters.${name}`;
    const before = new Map(paths(adapter.parameters));
    const moved = mapTensors(adapter.parameters, (leaf, path) => {
      const update = updates.get(pathOf(path.join('.')));
      return update === undefined ? leaf : add(leaf, update);
    });
    for (const [name, leaf] of paths(variant.constrain(moved, config))) {
      const start = before.get(name);
      if (start !== undefined) changed.set(pathOf(name), sub(leaf, start));
    }
  }
  return changed;
}
