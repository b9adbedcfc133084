import { at, isAdaptable, nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { modelPaths } from '../rewrite.ts';
import { endsInName } from '../target.ts';
import type { PeftPlacement } from './peftConfig.ts';
import { pythonRegExp } from './pythonRegExp.ts';

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

export interface SelectOptions {
  /** Every entry must match a module; else PEFT's own rule, that some module must be matched. Defaults to true. */
  readonly strict?: boolean | undefined;
  /** Whether the adapter's file has tensors of a module: decides where PEFT's own rules are loose. */
  readonly isStored?: (path: string) => boolean;
}

/**
 * Finds the modules that PEFT would adapt and those that it would save whole.
 *
 * @throws LorikeetError `no-match` with the nearest names; `unsupported` for a target that is no single weight.
 */
export function selectModules(
  model: unknown,
  placement: PeftPlacement,
  { strict = true, isStored = () => false }: SelectOptions = {},
): SelectedModules {
  const { modules } = modelPaths(model);
  const { target_modules: targets, modules_to_save, task_type } = placement;
  const saved = outermost(
    modules.filter((path) => modules_to_save.some((name) => isSaved(path, name, isStored))),
  );
  const isTarget = targetMatcher(model, placement, isStored);
  const adapted = modules.filter(
    (path) => isTarget(path) && !saved.some((whole) => `${path}.`.startsWith(`${whole}.`)),
  );
  for (const path of adapted) requireWeight(model, path);
  if (strict) {
    const optional = automatic[task_type ?? ''] ?? [];
    const lost = modules_to_save.find(
      (name) => !optional.includes(name) && !modules.some((path) => isSaved(path, name, isStored)),
    );
    if (lost !== undefined) throw noMatch('modules_to_save', lost, modules);
    for (const name of typeof targets === 'object' ? (targets ?? []) : [])
      if (!modules.some((path) => endsInName(path, name)))
        throw noMatch('target_modules', name, modules);
  }
  if (adapted.length === 0) throw noMatch('target_modules', String(targets), modules);
  return { adapted, saved };
}

/** By whole names; PEFT's rule is the end of the text, so that `classifier` saves a `pre_classifier` too. */
function isSaved(path: string, name: string, isStored: (path: string) => boolean): boolean {
  return endsInName(path, name) || (path.endsWith(name) && isStored(path));
}

function targetMatcher(
  model: unknown,
  placement: PeftPlacement,
  isStored: (path: string) => boolean,
): (path: string) => boolean {
  const { target_modules: targets, exclude_modules, layers_to_transform: layers } = placement;
  if (targets === null) {
    throw new LorikeetError('invalid-config', 'the adapter has no target_modules', {
      hint: 'write the targets into adapter_config.json: PEFT took them from a table of its own',
    });
  }
  const isExcluded = matcherOf(exclude_modules);
  if (typeof targets === 'string' && targets.toLowerCase() === 'all-linear')
    return (path) => isHiddenLinear(model, path, isStored) && !isExcluded(path);
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
function isHiddenLinear(
  model: unknown,
  path: string,
  isStored: (path: string) => boolean,
): boolean {
  const module = at(model, path);
  if (!isAdaptable(module) || module.site.kind !== 'linear') return false;
  return isStored(path) || !heads.some((name) => endsInName(path, name));
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

function outermost(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}.`)));
}

function noMatch(key: string, name: string, modules: readonly string[]): LorikeetError {
  return new LorikeetError('no-match', `'${name}' in ${key} matches no module`, {
    received: name,
    hint: nearestOf(name, modules),
  });
}
