let depth = 0;

/** Whether a transform is calling a function now to see what it records. */
export function isTracing(): boolean {
  return depth > 0;
}

/** Calls `fn` as a transform does: a compiled function called in it is recorded, not run. */
export function trace<T>(fn: () => T): T {
  depth += 1;
  try {
    return fn();
  } finally {
    depth -= 1;
  }
}
