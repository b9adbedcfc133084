import { nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';

/** A path as kohya's keys have it: no dots. */
export function flatten(path: string): string {
  return path.replaceAll('.', '_');
}

/**
 * Finds paths by their flat names, which do not tell `_` from a dot.
 *
 * @param modules all paths that there are.
 * @returns throws LorikeetError `no-match` for a name that none has, `invalid-argument` for one that several have.
 */
export function pathFinder(modules: readonly string[]): (name: string) => string {
  const byName = new Map<string, string[]>();
  for (const path of new Set(modules))
    byName.set(flatten(path), [...(byName.get(flatten(path)) ?? []), path]);
  return (name) => {
    const [path, ...others] = byName.get(name) ?? [];
    if (path === undefined)
      throw new LorikeetError('no-match', `the model has no module '${name}'`, {
        received: name,
        hint: nearestOf(name, [...byName.keys()]),
      });
    if (others.length === 0) return path;
    throw new LorikeetError('invalid-argument', `'${name}' may be several modules`, {
      expected: 'module paths that differ in more than dots and underscores',
      received: [path, ...others].join(', '),
    });
  };
}
