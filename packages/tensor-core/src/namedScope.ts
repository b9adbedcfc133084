let labels: readonly (string | number)[] = [];

/**
 * Calls `fn`, and names what is recorded in it: an error within says where in the model it arose. Scopes
 * nest; the name of a place is their labels joined by dots. JAX's `named_scope`.
 *
 * @param label a field name or an index.
 */
export function namedScope<T>(label: string | number, fn: () => T): T {
  return within([...labels, label], fn);
}

/** Calls `fn` in the scopes that were open where something was recorded, in place of those that are open now. */
export function atPath<T>(path: string | undefined, fn: () => T): T {
  return within(path === undefined ? [] : [path], fn);
}

function within<T>(scopes: readonly (string | number)[], fn: () => T): T {
  const outer = labels;
  labels = scopes;
  try {
    return fn();
  } finally {
    labels = outer;
  }
}

/** The labels of the scopes that are open, joined by dots; `undefined` outside of all. */
export function currentPath(): string | undefined {
  return labels.length === 0 ? undefined : labels.join('.');
}
