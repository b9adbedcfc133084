import { Linear } from '@lorikeet/nn';
import {
  AdapterUpdate,
  adapt,
  applyUpdate,
  compareAdapters,
  denseOf,
  type LowRank,
  loha,
  lora,
  type SimilarRow,
} from '@lorikeet/peft-lora';
import { normal, qr, randomKey, slice, svd, type Tensor, vectorNorm } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noisePair, otherwiseWritten } from '../algebra/pairs.ts';
import { refusal, Small, trainedForm } from '../support.ts';

const base = { layer: new Linear(normal(randomKey(2), [7, 9]), null) };
const tunedBy = (pair: LowRank): typeof base =>
  applyUpdate(base, new AdapterUpdate({ layer: pair }));

async function compare(a: LowRank, b: LowRank): Promise<SimilarRow> {
  const { rows } = await compareAdapters(tunedBy(a), tunedBy(b));
  const [row] = rows;
  if (row === undefined) throw new Error('one row');
  return row;
}

const numRuns = Number(process.env.LORIKEET_RUNS ?? 15);
const seeds = fc.nat(1000);
const ranks = fc.integer({ min: 1, max: 4 });

describe('two updates of one weight', () => {
  test('are the same if they are, however they are written', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, ranks, async (seed, rank) => {
        const pair = noisePair(seed, 7, 9, rank);
        const row = await compare(pair, otherwiseWritten(pair, seed + 1));
        for (const { phi, angles } of [row.inputs, row.outputs]) {
          for (let i = 0; i < rank; i++) expect(phi[i]?.[i]).toBeCloseTo(1, 8);
          expect(Math.max(...angles)).toBeLessThan(1e-7);
        }
        expect(row.cosine).toBeCloseTo(1, 10);
      }),
      { numRuns },
    );
  });

  test('have nothing in common if they read and write apart', async () => {
    const [outer, inner] = [
      qr(normal(randomKey(1), [7, 4]).cast('f64')).q,
      qr(normal(randomKey(2), [9, 4]).cast('f64')).q,
    ];
    const part = (start: number): LowRank => ({
      left: slice(outer, [0, start], [7, 2]),
      right: slice(inner, [0, start], [9, 2]).permute([1, 0]),
      scale: 3,
    });
    const row = await compare(part(0), part(2));
    for (const { phi, angles } of [row.inputs, row.outputs]) {
      expect(Math.max(...phi.flat())).toBeLessThan(1e-20);
      expect(Math.min(...angles)).toBeCloseTo(Math.PI / 2, 10);
    }
    expect(row.cosine).toBeCloseTo(0, 12);
  });

  test('have the phi of the definition, between 0 and 1, and the cosine of the dense updates', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, ranks, ranks, async (seed, one, other) => {
        const [a, b] = [noisePair(seed, 7, 9, one), noisePair(seed + 1, 7, 9, other, -2)];
        const row = await compare(a, b);
        expect(row.ranks).toEqual([one, other]);
        const [sa, sb] = [svd(denseOf(a)), svd(denseOf(b))];
        for (let i = 1; i <= one; i++)
          for (let j = 1; j <= other; j++) {
            const overlap = (x: Tensor, y: Tensor): Tensor =>
              slice(x, [0, 0], [x.shape[0] ?? 0, i])
                .permute([1, 0])
                .matmul(slice(y, [0, 0], [y.shape[0] ?? 0, j]));
            const phi = async (x: Tensor, y: Tensor): Promise<number> =>
              (await vectorNorm(overlap(x, y)).item()) ** 2 / Math.min(i, j);
            expect(row.outputs.phi[i - 1]?.[j - 1]).toBeCloseTo(await phi(sa.u, sb.u), 8);
            expect(row.inputs.phi[i - 1]?.[j - 1]).toBeCloseTo(await phi(sa.v, sb.v), 8);
          }
        for (const value of [...row.inputs.phi, ...row.outputs.phi].flat()) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
        const [x, y] = [denseOf(a), denseOf(b)];
        const inner = await x.mul(y).sum().item();
        const size = (await vectorNorm(x).item()) * (await vectorNorm(y).item());
        expect(row.cosine).toBeCloseTo(inner / size, 9);
      }),
      { numRuns },
    );
  });

  test('are compared the same the other way round', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, ranks, ranks, async (seed, one, other) => {
        const [a, b] = [noisePair(seed, 7, 9, one), noisePair(seed + 1, 7, 9, other)];
        const [there, back] = [await compare(a, b), await compare(b, a)];
        expect(back.inputs.angles).toHaveLength(Math.min(one, other));
        for (const [i, angle] of there.inputs.angles.entries())
          expect(back.inputs.angles[i]).toBeCloseTo(angle, 7);
        for (const [i, row] of there.outputs.phi.entries())
          for (const [j, value] of row.entries())
            expect(back.outputs.phi[j]?.[i]).toBeCloseTo(value, 8);
      }),
      { numRuns },
    );
  });

  test('have the angle that lies between them, however small', async () => {
    const turned = (angle: number): LowRank => ({
      left: normal(randomKey(1), [7, 1]).cast('f64'),
      right: tensorRow(Math.cos(angle), Math.sin(angle)),
      scale: 1,
    });
    for (const angle of [1e-6, 0.3, 1.5]) {
      const row = await compare(turned(0), turned(angle));
      expect(Math.abs((row.inputs.angles[0] ?? 0) - angle)).toBeLessThan(1e-12);
    }
  });
});

describe('two adapters', () => {
  const model = new Small();

  test('of any methods are compared where both are, in one model or in two', async () => {
    const one = await trainedForm(adapt(model, { '**.{query,out}': lora({ rank: 2 }) }));
    const both = await trainedForm(
      adapt(one, { '**.{query,mlp}': loha({ rank: 1 }) }, { name: 'b' }),
    );
    const found = await compareAdapters(both, both, ['default', 'b']);
    const queries = ['encoder.layer.0.query', 'encoder.layer.1.query'];
    expect(found.rows.map(({ path }) => path)).toEqual(queries);
    expect(found.alone[0]).toEqual(['encoder.layer.0.out', 'encoder.layer.1.out']);
    expect(found.alone[1]).toEqual(['encoder.layer.0.mlp', 'encoder.layer.1.mlp']);
    const text = String(found);
    expect(text).toMatch(/^module +ranks +cosine +in phi\(1,1\)/);
    expect(text).toContain("only in the other ('b'): encoder.layer.0.mlp");
    const apart = await compareAdapters(one, one);
    expect(apart.rows.every(({ cosine }) => Math.abs(cosine - 1) < 1e-10)).toBe(true);
  });

  test('of which one is nothing have no subspace to compare', async () => {
    const nothing = adapt(model, { '**.query': lora({ rank: 2 }) });
    const { rows } = await compareAdapters(nothing, nothing);
    expect(rows[0]).toMatchObject({ ranks: [0, 0], cosine: 0, inputs: { angles: [], phi: [] } });
    expect(String(await compareAdapters(nothing, nothing))).toContain('-');
  });

  test('must be there', async () => {
    await expect(compareAdapters(model, model)).rejects.toThrow(refusal('no-match'));
  });
});

function tensorRow(first: number, second: number): Tensor {
  const { q } = qr(normal(randomKey(4), [9, 2]).cast('f64'));
  const column = (i: number): Tensor => slice(q, [0, i], [9, 1]).permute([1, 0]);
  return column(0).mul(first).add(column(1).mul(second));
}
