import { at, isReparam } from '@lorikeet/nn';
import { LorikeetError, Tensor } from '@lorikeet/tensor-core';
import { modelPaths } from '../rewrite.ts';
import type { PeftJson } from './peftConfig.ts';
import { parsePlacement } from './peftConfig.ts';
import { isWithin, type SelectedModules, selectModules } from './selectModules.ts';
import { isExperts } from './targetParameters.ts';

/**
 * The keys of a config that select just these modules of a model: those in which the adapter was loaded if
 * they still do, else full paths.
 *
 * @param loaded the config that the adapter was loaded from; empty if it was made here.
 * @throws LorikeetError `unsupported` if PEFT's rules cannot tell these modules from others.
 */
export function encodePlacement(
  model: unknown,
  { adapted, saved }: SelectedModules,
  loaded: PeftJson,
): Record<string, unknown> {
  for (const path of saved) requireModule(model, path);
  const targets = adapted.filter((path) => !isExperts(model, path)).sort();
  const experts = adapted.filter((path) => isExperts(model, path)).sort();
  const modules = saved.length === 0 ? null : [...saved].sort();
  const words = Object.fromEntries(keys.map((key) => [key, loaded[key] ?? null]));
  const target_parameters = experts.length === 0 ? null : experts;
  const plain = { ...words, ...nothing, target_parameters, modules_to_save: modules };
  const candidates = [
    words,
    { ...words, modules_to_save: modules },
    { ...plain, target_modules: targets },
    // Full paths are ends of longer ones, where a part of the model is repeated under another name.
    { ...plain, target_modules: targets.map(escapePath).join('|') },
  ];
  const fit = candidates.find((candidate) => selects(model, candidate, { adapted, saved }));
  if (fit !== undefined) return fit;
  throw new LorikeetError('unsupported', "PEFT's rules cannot select just the adapted modules", {
    received: targets.join(', '),
  });
}

const nothing = { exclude_modules: null, layers_to_transform: null, layers_pattern: null };
const keys = ['target_modules', 'target_parameters', 'modules_to_save', ...Object.keys(nothing)];

/** A path as a regular expression that fits it alone. */
export function escapePath(path: string): string {
  return path.replaceAll(/[^\w]/g, '\\$&');
}

function selects(model: unknown, json: PeftJson, wanted: SelectedModules): boolean {
  if (json.target_modules === null && json.target_parameters === null) return false;
  const { weights } = modelPaths(model);
  const found = selectModules(model, parsePlacement({ ...json, peft_type: '' }), {
    some: (path) => wanted.adapted.includes(path),
    whole: (path) =>
      weights.every((weight) => !isWithin(weight, [path]) || isWithin(weight, wanted.saved)),
  });
  return isSame(found.adapted, wanted.adapted) && isSame(found.saved, wanted.saved);
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  const all = new Set(a);
  return all.size === new Set(b).size && b.every((path) => all.has(path));
}

function requireModule(model: unknown, path: string): void {
  const node = at(model, path);
  if (!(node instanceof Tensor) && !isReparam(node)) return;
  throw new LorikeetError(
    'unsupported',
    "PEFT's files hold whole modules, and this is a tensor of one",
    {
      path,
      hint: 'train the module that it belongs to',
    },
  );
}
