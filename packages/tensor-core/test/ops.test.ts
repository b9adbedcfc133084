import { describeLaws, opLaws } from '@lorikeet/laws';
import type { Composite, Primitive } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

// One law suite for each op that there is: a new op is found by its file.
const modules =
  process.env.LORIKEET_BUILT === '1'
    ? [await import('@lorikeet/tensor-core')]
    : await Promise.all(Object.values(import.meta.glob('../src/ops/*/*.ts')).map((load) => load()));

const ops = modules
  .flatMap((module) => Object.values(module as Record<string, unknown>))
  .filter(isOp)
  .sort((a, b) => a.name.localeCompare(b.name));

function isOp(value: unknown): value is Primitive | Composite {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'primitive' || value.kind === 'composite')
  );
}

test('every op is found, under a name of its own', () => {
  expect(ops.length).toBeGreaterThan(40);
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
});

for (const op of ops) {
  const stopsGradient = op.name === 'stopGradient';
  describeLaws(op.name, opLaws(op, { stopsGradient }), { describe, test });
}
