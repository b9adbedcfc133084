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

/** At least the largest value, in chunks of which not even each need be a multiple of what bindings are aligned to. */
const mostBytes = fc.oneof(fc.integer({ min: 5120, max: 20_000 }), fc.constant(undefined));

test('values that live at the same time share no memory, and each begins where a binding may, in one chunk', () => {
  fc.assert(
    fc.property(lifetimes, mostBytes, (all, most) => {
      const { places, chunks, bytes } = planArena(all, most);
      const place = (lifetime: Lifetime) => places.get(lifetime.value) ?? { chunk: -1, offset: -1 };
      expect(bytes).toBe(chunks.reduce((sum, size) => sum + size, 0));
      for (const size of chunks) expect(size).toBeLessThanOrEqual(most ?? Number.MAX_SAFE_INTEGER);
      for (const a of all) {
        const { chunk, offset } = place(a);
        expect(offset % 256).toBe(0);
        expect(offset + a.bytes).toBeLessThanOrEqual(chunks[chunk] ?? -1);
        for (const b of all) {
          if (a.value === b.value || a.from > b.until || b.from > a.until) continue;
          const other = place(b);
          expect(
            chunk !== other.chunk ||
              offset >= other.offset + b.bytes ||
              other.offset >= offset + a.bytes,
          ).toBe(true);
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

test('no more chunks are made than are needed', () => {
  const together = Array.from(
    { length: 10 },
    (_, value): Lifetime => ({ value, bytes: 1024, from: 0, until: 0 }),
  );
  expect(planArena(together).chunks).toEqual([10 * 1024]);
  expect(planArena(together, 4096).chunks).toEqual([4096, 4096, 2048]);
  expect(planArena(together, 1024).chunks).toHaveLength(10);
});
