import { at, isAdaptable, nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { modelPaths } from '../rewrite.ts';
import { endsInName } from '../target.ts';
import type { PeftPlacement } from './peftConfig.ts';
import { pythonRegExp } from './pythonRegExp.ts';
import { shown } from './shown.ts';
import { isExperts, parameterMatcher } from './targetParameters.ts';

/** Modules that PEFT saves whole by itself for some tasks, whether they are there or not. */
const automatic: Readonly<Record<string, readonly string[]>> = {
  SEQ_CLS: ['classifier', 'score'],
  TOKEN_CLS: ['classifier', 'score'],
  QUESTION_ANS: ['qa_outputs'],
};

/** Names of heads, which `all-linear` leaves out. */
const heads: readonly string[] = ['lm_head', 'embed_out', 'decoder', 'classifier', 'score'];

/** What a config of PEFT selects in a model, as paths. */
export interface SelectedModules {
  readonly adapted: readonly string[];
  /** Trained as a whole. */
  readonly saved: readonly string[];
}

/** What the adapter's file has of a module: decides where PEFT's own rules are loose. */
export interface StoredParts {
  /** Whether it has some tensor of the module. */
  some(path: string): boolean;
  /** Whether it has all weights of the module. */
  whole(path: string): boolean;
}

/** Finds the modules that PEFT would adapt, and those that it would save whole. */
export function selectModules(
  model: unknown,
  placement: PeftPlacement,
  stored: StoredParts,
): SelectedModules {
  const { modules } = modelPaths(model);
  const saved = outermost(
    modules.filter((path) => placement.modules_to_save.some((name) => isSaved(path, name, stored))),
  );
  const isTarget = targetMatcher(model, placement, stored);
  const isParameter = parameterMatcher(model, placement.target_parameters);
  const adapted = modules.filter(
    (path) =>
      (isParameter(path) || (isTarget(path) && !isExperts(model, path))) && !isWithin(path, saved),
  );
  return { adapted, saved };
}

/**
 * Refuses a config that does not fit the model.
 *
 * @param strict whether every entry must match a module. PEFT's own rule is that some module is adapted.
 * @throws LorikeetError `no-match` with the nearest names; `unsupported` for a target that is no single weight.
 */
export function requireMatches(
  model: unknown,
  placement: PeftPlacement,
  { adapted, saved }: SelectedModules,
  strict: boolean,
): void {
  const { target_modules: targets } = placement;
  const { modules } = modelPaths(model);
  for (const path of adapted) requireWeight(model, path);
  for (const name of strict && typeof targets === 'object' ? (targets ?? []) : [])
    if (!modules.some((path) => endsInName(path, name)))
      throw noMatch('target_modules', name, modules);
  for (const name of strict ? placement.target_parameters : [])
    if (!modules.some(parameterMatcher(model, [name])))
      throw noMatch('target_parameters', name, modules);
  requireSaved(model, placement, saved, strict);
  if (adapted.length === 0) throw noMatch('target_modules', String(targets), modules);
}

/** Refuses a config that saves what is not in the model, but for what PEFT names by itself. Throws `no-match`. */
export function requireSaved(
  model: unknown,
  { modules_to_save, task_type }: PeftPlacement,
  saved: readonly string[],
  strict: boolean,
): void {
  const { modules } = modelPaths(model);
  const optional = automatic[task_type ?? ''] ?? [];
  for (const name of strict ? modules_to_save : [])
    if (
      !optional.includes(name) &&
      !modules.some((path) => path.endsWith(name) && isWithin(path, saved))
    )
      throw noMatch('modules_to_save', name, modules);
}

/** By whole names; PEFT's rule is the end of the text, so that `classifier` saves a `pre_classifier` too. */
function isSaved(path: string, name: string, stored: StoredParts): boolean {
  return endsInName(path, name) || (path.endsWith(name) && stored.whole(path));
}

function targetMatcher(
  model: unknown,
  placement: PeftPlacement,
  stored: StoredParts,
): (path: string) => boolean {
  const { target_modules: targets, exclude_modules, layers_to_transform: layers } = placement;
  if (targets === null && placement.target_parameters.length > 0) return () => false;
  if (targets === null) {
    throw new LorikeetError('invalid-config', 'the adapter has no target_modules', {
      hint: 'write the targets into adapter_config.json: PEFT took them from a table of its own',
    });
  }
  const isExcluded = matcherOf(exclude_modules);
  if (typeof targets === 'string' && targets.toLowerCase() === 'all-linear')
    return (path) => isHiddenLinear(model, path, stored) && !isExcluded(path);
  const isNamed = matcherOf(targets);
  if (layers.length === 0) return (path) => isNamed(path) && !isExcluded(path);
  const layerOf = layerReader(placement.layers_pattern);
  // A full path counts whatever its layer.
  return (path) =>
    isNamed(path) &&
    !isExcluded(path) &&
    (targets.includes(path) || layers.includes(layerOf(path) ?? -1));
}

/** A list names ends of paths; a text is a regular expression for a whole path. */
function matcherOf(targets: string | readonly string[]): (path: string) => boolean {
  if (typeof targets !== 'string') return (path) => targets.some((name) => endsInName(path, name));
  if (targets === '') return () => false;
  const expression = pythonRegExp(targets);
  return (path) => expression.test(path);
}

/** Reads the number of a layer: the first after a name that is not the outermost, or after a pattern. */
function layerReader(patterns: readonly string[]): (path: string) => number | undefined {
  const names = patterns.length === 0 ? ['[^.]*'] : patterns;
  const expressions = names.map((name) => pythonRegExp(`.*?\\.${name}\\.(\\d+)\\..*`));
  return (path) => {
    const found = expressions.map((expression) => expression.exec(path)).find(Boolean);
    return found ? Number(found.at(-1)) : undefined;
  };
}

/** A head is adapted only if the file says so, since its name alone does not tell whether it is one. */
function isHiddenLinear(model: unknown, path: string, stored: StoredParts): boolean {
  const module = at(model, path);
  if (!isAdaptable(module) || module.site.kind !== 'linear') return false;
  return stored.some(path) || !heads.some((name) => endsInName(path, name));
}

function requireWeight(model: unknown, path: string): void {
  if (isAdaptable(at(model, path))) return;
  throw new LorikeetError(
    'unsupported',
    'target_modules selects a module that is no single weight',
    {
      path,
      expected: 'linear layers, embeddings and convolutions',
    },
  );
}

/** Whether a path is one of some modules, or lies in one. */
export function isWithin(path: string, modules: readonly string[]): boolean {
  return modules.some((module) => path === module || path.startsWith(`${module}.`));
}

function outermost(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}.`)));
}

function noMatch(key: string, name: string, modules: readonly string[]): LorikeetError {
  return new LorikeetError('no-match', `${shown(name)} in ${key} matches no module`, {
    received: shown(name),
    hint: nearestOf(name.slice(0, 100), modules),
  });
}
