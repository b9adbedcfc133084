import { describeLaws, opLaws } from '@lorikeet/laws';
import { describe, expect, test } from 'vitest';
import { ops } from './ops.ts';

test('every op is found, under a name of its own', () => {
  expect(ops.length).toBeGreaterThan(40);
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
});

// One law suite for each op that there is.
for (const op of ops) {
  const stopsGradient = op.name === 'stopGradient';
  describeLaws(op.name, opLaws(op, { stopsGradient }), { describe, test });
}
