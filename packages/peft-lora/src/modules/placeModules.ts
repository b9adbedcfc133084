import { Shared, SharedGroup } from '@lorikeet/nn';
import { foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { rewrite } from '../rewrite.ts';
import { ModuleAdapter, ModuleSettings, ownAdapters, withAdapters } from './moduleAdapter.ts';
import type { ModuleMethod } from './moduleVariant.ts';

/**
 * Puts adapters around modules at paths that are known; `''` is the model itself.
 *
 * @param options.isStored gives them the form in which a file holds them.
 */
export function placeModules<T>(
  model: T,
  methods: ReadonlyMap<string, ModuleMethod>,
  options: { readonly name: string; readonly key: Tensor; readonly isStored?: boolean },
): T {
  const { name, key, isStored = false } = options;
  const groups = new Map<string, Shared<Tensor>>();
  const sharedBy = ({ variant, config }: ModuleMethod): Shared<Tensor> | undefined => {
    if (variant.share === undefined) return undefined;
    const label = `${variant.name} ${JSON.stringify(config)}`;
    const first = variant.share(config, foldIn(key, 'shared'));
    const group = groups.get(label) ?? new Shared(first, new SharedGroup(label));
    groups.set(label, group);
    return group;
  };
  // Inner ones first: a path leads through what is around it.
  const order = [...methods].sort(([a], [b]) => b.length - a.length);
  return order.reduce((tree, [path, method]) => {
    const wrap = (node: unknown): unknown => {
      const { variant, config } = method;
      if (typeof node !== 'object' || node === null || !variant.accepts(node))
        throw new LorikeetError('unsupported', `${variant.name} cannot adapt this module`, {
          path,
        });
      const reason = isStored ? undefined : variant.refusal?.(config, node);
      if (reason !== undefined)
        throw new LorikeetError('unsupported', `${variant.name}: ${reason}`, { path });
      const shared = sharedBy(method);
      const args = { module: node, config, key: foldIn(key, path), shared };
      const stored = isStored ? variant.peft?.stored(args) : undefined;
      const settings = new ModuleSettings(method, path);
      const adapter = new ModuleAdapter(stored ?? variant.init(args), name, settings);
      return withAdapters(node, [...ownAdapters(node), adapter]);
    };
    return rewrite(tree, new Map([[path, wrap]]));
  }, model);
}
