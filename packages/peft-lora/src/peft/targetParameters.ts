import { at, isAdaptable } from '@lorikeet/nn';
import type { AdapterLayer } from '../layers.ts';
import { endsInName } from '../target.ts';

/** Whether the module at a path stands for one parameter of PEFT's model: the weight of experts. */
export function isExperts(model: unknown, path: string): boolean {
  const module = at(model, path);
  return isAdaptable(module) && module.site.kind === 'experts';
}

/**
 * Tells the modules that `target_parameters` selects, by the ends of their parameters' paths. Experts are such parameters
 * themselves; of a linear layer it is the weight, which PEFT adapts as the layer.
 */
export function parameterMatcher(
  model: unknown,
  names: readonly string[],
): (path: string) => boolean {
  if (names.length === 0) return () => false;
  return (path) => {
    const module = at(model, path);
    if (!isAdaptable(module)) return false;
    const { kind, field, inputAxis } = module.site;
    const isLayer = kind === 'linear' && inputAxis === 1;
    if (kind !== 'experts' && !isLayer) return false;
    const parameter = isLayer ? `${path}.${field}` : path;
    return names.some((name) => endsInName(parameter, name));
  };
}

/** One adapted place, with the path of its module. */
interface Placed {
  readonly layer: AdapterLayer;
  readonly module: string;
}

/**
 * What comes before the keys of each module in a file. Experts' parameters belong to the module around them, which PEFT
 * wraps once for each of them that is adapted: the last is the outermost.
 */
export function keyPrefixes(
  places: readonly Placed[],
  isOfExperts: (layer: AdapterLayer) => boolean,
): ReadonlyMap<string, string> {
  const inner = new Map<string, string[]>();
  for (const { layer, module } of places) {
    if (!isOfExperts(layer)) continue;
    const parent = parentOf(module);
    inner.set(parent, [...(inner.get(parent) ?? []), module]);
  }
  return new Map(
    places.map(({ module }) => {
      const siblings = inner.get(parentOf(module)) ?? [];
      const index = siblings.indexOf(module);
      if (index < 0) return [module, module];
      return [module, parentOf(module) + '.base_layer'.repeat(siblings.length - 1 - index)];
    }),
  );
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('.'), 0));
}
