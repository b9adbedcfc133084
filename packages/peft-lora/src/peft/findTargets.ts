import { at, isAdaptable, nearestOf, nodePaths } from '@lorikeet/nn';
import { isTreeNode, LorikeetError } from '@lorikeet/tensor-core';
import { adaptablePaths } from '../adapt.ts';
import { endsInName, layerNumberOf, regularExpression } from '../target.ts';
import type { PeftPlacement } from './peftConfig.ts';

/** Modules that PEFT saves whole by itself for some tasks, whether they are there or not. */
const automatic = ['classifier', 'score', 'qa_outputs'];

/** Paths of the modules that train as a whole. A name matches the end of a path, after a dot. */
export function findSavedModules(model: unknown, { modules_to_save }: PeftPlacement): string[] {
  const modules = nodePaths(model).filter((path) => isTreeNode(at(model, path)));
  return [...new Set(modules_to_save)].flatMap((name) => {
    const found = modules.filter((path) => endsInName(path, name));
    if (found.length === 0 && !automatic.includes(name))
      throw noMatch('modules_to_save', name, modules);
    return found;
  });
}

/**
 * Paths of the modules that PEFT would put its layers on: `target_modules` without `exclude_modules`, without
 * those in saved modules, and only in `layers_to_transform`.
 *
 * @throws LorikeetError `no-match` for an entry that matches no module; PEFT passes over it.
 */
export function findTargets(
  model: unknown,
  placement: PeftPlacement,
  saved: readonly string[],
): string[] {
  const { target_modules, exclude_modules, layers_to_transform, layers_pattern } = placement;
  if (target_modules === null) {
    throw new LorikeetError('unsupported', 'an adapter without target_modules', {
      hint: 'write the targets into adapter_config.json: PEFT takes them from a table of its own',
    });
  }
  const candidates = adaptablePaths(model).filter(
    (path) => !saved.some((whole) => path === whole || path.startsWith(`${whole}.`)),
  );
  const isExcluded = exclude_modules === null ? () => false : matcherOf(exclude_modules);
  const isInLayers = (path: string): boolean => {
    if (
      layers_to_transform === null ||
      (Array.isArray(target_modules) && target_modules.includes(path))
    )
      return true;
    const patterns = layers_pattern.length === 0 ? [undefined] : layers_pattern;
    return patterns.some((pattern) =>
      layers_to_transform.includes(layerNumberOf(path, pattern) ?? -1),
    );
  };
  for (const name of typeof target_modules === 'string' ? [] : target_modules) {
    if (!candidates.some((path) => endsInName(path, name)))
      throw noMatch('target_modules', name, candidates);
  }
  const isTarget =
    target_modules === 'all-linear'
      ? (path: string) => isHidden(model, path)
      : matcherOf(target_modules);
  const found = candidates.filter(
    (path) => isTarget(path) && !isExcluded(path) && isInLayers(path),
  );
  if (found.length === 0) throw noMatch('target_modules', String(target_modules), candidates);
  return found;
}

/** A list names ends of paths; a text is a regular expression for a whole path. */
function matcherOf(targets: string | readonly string[]): (path: string) => boolean {
  if (typeof targets !== 'string') return (path) => targets.some((name) => endsInName(path, name));
  // Python spells a named group with a P.
  const expression = regularExpression(`^(?:${targets.replaceAll('(?P<', '(?<')})$`);
  return (path) => expression.test(path);
}

/** For `all-linear`: a matrix that is not the head. */
function isHidden(model: unknown, path: string): boolean {
  const module = at(model, path);
  return (
    isAdaptable(module) &&
    module.site.kind === 'linear' &&
    !automatic.some((name) => endsInName(path, name))
  );
}

function noMatch(key: string, name: string, candidates: readonly string[]): LorikeetError {
  return new LorikeetError('no-match', `'${name}' in ${key} matches no module`, {
    received: name,
    hint: nearestOf(name, candidates),
  });
}
