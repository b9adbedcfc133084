import type { Architecture, ModelFamily } from './family.ts';

/**
 * Finds the tensors of a model in a checkpoint, which may spell them as older releases of transformers did, or
 * without the name of the base model, or hold a tied copy in place of the tensor.
 *
 * @param stored the names in the checkpoint.
 * @param wanted the names in the model.
 * @param tied copies that a checkpoint may hold of a tensor that the model has once: the name of the copy, and of the tensor.
 * @returns for each name of the model that was found the name in the checkpoint, and what is left there.
 */
export function matchNames(
  stored: Iterable<string>,
  wanted: ReadonlySet<string>,
  family: Pick<ModelFamily, 'base' | 'renamed' | 'ignored' | 'standIns'>,
  architecture: Pick<Architecture<never>, 'ignored'>,
  tied: Readonly<Record<string, string>> = {},
): { readonly found: ReadonlyMap<string, string>; readonly unexpected: readonly string[] } {
  const names = [...stored];
  const found = new Map(names.filter((name) => wanted.has(name)).map((name) => [name, name]));
  const rebase = rebasing(names, wanted, `${family.base}.`);
  const unexpected: string[] = [];
  for (const name of names) {
    if (wanted.has(name)) continue;
    const current = rebase(withNewEnd(name, family.renamed));
    const isCopy = Object.hasOwn(tied, current);
    const target = isCopy ? (tied[current] ?? current) : current;
    if (wanted.has(target) && !found.has(target)) found.set(target, name);
    else if (!isCopy && !isIgnored(name, family, architecture)) unexpected.push(name);
  }
  const bare = (name: string): string => withoutPrefix(name, `${family.base}.`);
  for (const [name, other] of standIns(wanted, family.standIns)) {
    const stored = names.find((own) => bare(own) === bare(other));
    if (stored !== undefined && !found.has(name)) found.set(name, stored);
  }
  return { found, unexpected };
}

/** Names of the model, and of what a checkpoint may have for them. */
function standIns(
  wanted: ReadonlySet<string>,
  ends: Readonly<Record<string, string>> = {},
): readonly (readonly [name: string, other: string])[] {
  return Object.entries(ends).flatMap(([end, other]) =>
    [...wanted]
      .filter((name) => name === end || name.endsWith(`.${end}`))
      .map((name) => [name, name.slice(0, -end.length) + other] as const),
  );
}

function withNewEnd(name: string, renamed: Readonly<Record<string, string>> = {}): string {
  for (const [before, now] of Object.entries(renamed))
    if (name.endsWith(before)) return name.slice(0, -before.length) + now;
  return name;
}

/** Adds the base's prefix if only the model has it, and takes it away if only the checkpoint has it. */
function rebasing(
  stored: readonly string[],
  wanted: ReadonlySet<string>,
  prefix: string,
): (name: string) => string {
  const hasPrefix = (name: string): boolean => name.startsWith(prefix);
  const [isStored, isWanted] = [stored.some(hasPrefix), [...wanted].some(hasPrefix)];
  if (isWanted && !isStored) return (name) => (wanted.has(prefix + name) ? prefix + name : name);
  if (isStored && !isWanted) return (name) => withoutPrefix(name, prefix);
  return (name) => name;
}

function withoutPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function isIgnored(name: string, ...sources: readonly { readonly ignored?: RegExp }[]): boolean {
  return sources.some(({ ignored }) => ignored?.test(name) === true);
}
