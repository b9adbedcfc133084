import { matmul, randomKey, swapAxes } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wordVectors } from '../src/wordVectors.ts';

const size = 6;
const key = randomKey(0);

/** The matrix that is factored, counted pair by pair. */
function information(texts: readonly (readonly number[])[], window: number): number[][] {
  const counts = Array.from({ length: size }, () => Array.from({ length: size }, () => 0));
  for (const text of texts) {
    for (const [i, a] of text.entries()) {
      for (const [k, b] of text.entries()) {
        const row = counts[a];
        const distance = Math.abs(i - k);
        if (row !== undefined && distance > 0 && distance <= window)
          row[b] = (row[b] ?? 0) + 1 / distance;
      }
    }
  }
  const totals = counts.map((row) => row.reduce((sum, x) => sum + x, 0));
  const all = totals.reduce((sum, x) => sum + x ** 0.75, 0);
  return counts.map((row, a) =>
    row.map((x, b) => {
      const chance = ((totals[a] ?? 0) * (totals[b] ?? 0) ** 0.75) / all;
      return x === 0 ? 0 : Math.max(0, Math.log(x / chance));
    }),
  );
}

describe('wordVectors', () => {
  test('are a factor of the information that neighbours have of each other', async () => {
    const texts = fc.array(fc.array(fc.nat(size - 1), { maxLength: 12 }), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 3 }), async (some, window) => {
        const vectors = wordVectors(some, { vocabularySize: size, dim: size, window, key });
        const product = matmul(vectors, swapAxes(vectors));
        // With M = U S Vᵀ and E = U √S: (E Eᵀ)² = U S² Uᵀ = M Mᵀ.
        const got = await matmul(product, product).data();
        const matrix = information(some, window);
        const expected = matrix.flatMap((a) =>
          matrix.map((b) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)),
        );
        const largest = Math.max(1, ...expected);
        for (const [i, value] of expected.entries())
          expect(Math.abs((got[i] ?? Number.NaN) - value)).toBeLessThan(1e-4 * largest);
      }),
      { numRuns: 30 },
    );
  });

  test('are alike for tokens with the same neighbours', async () => {
    const texts = [
      [0, 1, 2],
      [0, 3, 2],
      [4, 5, 4],
    ];
    const vectors = wordVectors(texts, { vocabularySize: size, dim: 3, key });
    const likeness = await matmul(vectors, swapAxes(vectors)).data();
    const of = (a: number, b: number): number => likeness[a * size + b] ?? Number.NaN;
    const cosine = (a: number, b: number): number => of(a, b) / Math.sqrt(of(a, a) * of(b, b));
    expect(cosine(1, 3)).toBeGreaterThan(0.99);
    expect(Math.abs(cosine(1, 5))).toBeLessThan(0.01);
  });

  test('refuse tokens out of range and a matrix that no buffer holds', () => {
    const options = { vocabularySize: size, dim: 2, key };
    expect(() => wordVectors([[0, size]], options)).toThrow(/out of range/);
    expect(() => wordVectors([[0.5]], options)).toThrow(/out of range/);
    expect(() => wordVectors([], { ...options, vocabularySize: 1e6 })).toThrow(/too large/);
  });
});
