import type { AnyOp } from '@lorikeet/tensor-core';

// A new op is found by its file.
const modules =
  process.env.LORIKEET_BUILT === '1'
    ? [await import('@lorikeet/tensor-core')]
    : await Promise.all(Object.values(import.meta.glob('../src/ops/*/*.ts')).map((load) => load()));

/** Every op that there is, by name. */
export const ops: readonly AnyOp[] = modules
  .flatMap((module) => Object.values(module as Record<string, unknown>))
  .filter(isOp)
  .sort((a, b) => a.name.localeCompare(b.name));

function isOp(value: unknown): value is AnyOp {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'primitive' || value.kind === 'composite')
  );
}
