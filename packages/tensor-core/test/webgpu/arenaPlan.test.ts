import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Lifetime, planArena } from '../../src/backends/webgpu/runtime/arenaPlan.ts';

const lifetimes = fc
  .array(
    fc.record({ bytes: fc.integer({ min: 4, max: 5000 }), from: fc.nat(20), length: fc.nat(6) }),
  )
  .map((drawn) =>
    drawn.map(
      ({ bytes, from, length }, value): Lifetime => ({ value, bytes, from, until: from + length }),
    ),
  );

test('values that live at the same time share no memory, and each begins where a binding may', () => {
  fc.assert(
    fc.property(lifetimes, (all) => {
      const { offsets, bytes } = planArena(all);
      const place = (lifetime: Lifetime): number => offsets.get(lifetime.value) ?? Number.NaN;
      for (const a of all) {
        expect(place(a) % 256).toBe(0);
        expect(place(a) + a.bytes).toBeLessThanOrEqual(bytes);
        for (const b of all) {
          if (a.value === b.value || a.from > b.until || b.from > a.until) continue;
          expect(place(a) >= place(b) + b.bytes || place(b) >= place(a) + a.bytes).toBe(true);
        }
      }
    }),
  );
});

test('memory is used again as soon as it is free', () => {
  const chain = Array.from(
    { length: 10 },
    (_, value): Lifetime => ({
      value,
      bytes: 1024,
      from: value,
      until: value + 1,
    }),
  );
  expect(planArena(chain).bytes).toBe(2048);
});
