import { at } from '@lorikeet/nn';
import { foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { modelPaths, rewrite } from '../rewrite.ts';
import { ModuleAdapter, ModuleSettings, ownAdapters, withAdapters } from './moduleAdapter.ts';
import type { ModuleMethod, ModuleState, ModuleVariant } from './moduleVariant.ts';
import { shareModules } from './shareModules.ts';

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
  const order = ['', ...modelPaths(model).modules];
  const places = [...methods]
    .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .map(([path, { variant, config, extra: loaded }]) => {
      const module = acceptedBy(variant, at(model, path), path);
      const reason = isStored ? undefined : variant.refusal?.(config, module);
      if (reason !== undefined)
        throw new LorikeetError('unsupported', `${variant.name}: ${reason}`, { path });
      return { path, module, config, loaded, variant };
    });
  const shared = shareModules(places, key);
  // Inner ones first: a path leads through what is around it.
  const outwards = [...methods].sort(([a], [b]) => b.length - a.length);
  return outwards.reduce((tree, [path, method]) => {
    const wrap = (node: unknown): unknown => {
      const { variant, config } = method;
      const module = acceptedBy(variant, node, path);
      const parts = shared.get(path) ?? {};
      const args = { module, config, key: foldIn(key, path), shared: parts };
      const stored = isStored ? variant.peft?.stored(args) : undefined;
      const settings = new ModuleSettings(method, path);
      const state =
        stored === undefined
          ? splitBy(variant, variant.init(args), config)
          : { parameters: stored, frozen: {} };
      const adapter = new ModuleAdapter(state, name, settings);
      return withAdapters(module, [...ownAdapters(module), adapter]);
    };
    return rewrite(tree, new Map([[path, wrap]]));
  }, model);
}

/** What an adapter is made of, of all its first values or of a whole file. */
export function splitBy(
  { split }: ModuleVariant,
  whole: unknown,
  config: unknown,
): ModuleState<unknown> {
  return split?.(whole, config) ?? { parameters: whole, frozen: {} };
}

/** The module, if the variant takes it. Throws `unsupported`. */
function acceptedBy(variant: ModuleVariant, module: unknown, path: string): object {
  if (typeof module === 'object' && module !== null && variant.accepts(module)) return module;
  throw new LorikeetError('unsupported', `${variant.name} cannot adapt this module`, { path });
}
