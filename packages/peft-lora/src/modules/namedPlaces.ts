import { parsePlacement } from '../peft/peftConfig.ts';
import { requireMatches, type SelectedModules, selectModules } from '../peft/selectModules.ts';
import { modelPaths } from '../rewrite.ts';
import { endsInName } from '../target.ts';
import type { ModulePeftFormat, ModulePlace } from './moduleVariant.ts';

/** How the places of a method are written that PEFT selects by `target_modules`: by the last names of their paths. */
export const namedPlaces: Pick<
  ModulePeftFormat<unknown, unknown>,
  'targets' | 'derived' | 'derivedKeys'
> = {
  derivedKeys: [],

  targets(_, json, model, strict = false) {
    const placement = parsePlacement({ ...json, peft_type: '' });
    const selected = { ...select(json, model), saved: [] };
    requireMatches(model, { ...placement, modules_to_save: [] }, selected, strict);
    return selected.adapted;
  },

  derived(_, places, model) {
    const loaded = places[0]?.loaded ?? {};
    // Modules share by the words of the config, so that other words would be another adapter.
    if (Object.hasOwn(loaded, 'target_modules')) return {};
    const target_modules = [...new Set(places.map(({ path }) => lastNameOf(path)))].sort();
    const adapted = new Set(places.map(({ path }) => path));
    const others = modelPaths(model).modules.filter(
      (path) => !adapted.has(path) && target_modules.some((name) => endsInName(path, name)),
    );
    return {
      target_modules,
      exclude_modules: others.length === 0 ? null : others,
      layers_pattern: null,
      layers_to_transform: null,
    };
  },
};

/** Where a config of PEFT puts a method. */
function select(
  json: Readonly<Record<string, unknown>>,
  model: unknown,
): Pick<SelectedModules, 'adapted'> {
  const none = { some: () => false, whole: () => false };
  return selectModules(model, parsePlacement({ ...json, peft_type: '' }), none);
}

/**
 * The word of `target_modules` that a module goes by: its last name where there is no list, and the whole text for a regular
 * expression. Of several names in a list the longest counts; in PEFT it is the last of a set, which differs from run to run.
 */
export function wordOf({ path, loaded }: ModulePlace<unknown>): string {
  const { target_modules: targets } = loaded;
  if (typeof targets === 'string')
    return targets.toLowerCase() === 'all-linear' ? lastNameOf(path) : targets;
  if (!Array.isArray(targets)) return lastNameOf(path);
  const names = targets.map(String).filter((name) => endsInName(path, name));
  return names.sort((a, b) => b.length - a.length)[0] ?? lastNameOf(path);
}

function lastNameOf(path: string): string {
  return path.split('.').at(-1) ?? path;
}
