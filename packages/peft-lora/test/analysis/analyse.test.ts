import { Embedding, ExpertLinear, Linear } from '@lorikeet/nn';
import {
  AdapterUpdate,
  adapt,
  analyseAdapter,
  applyUpdate,
  denseOf,
  disable,
  dora,
  effectiveRank,
  type LowRank,
  lnTuning,
  loha,
  lora,
  merge,
  oft,
  setAdapterWeights,
  spectralNorm,
  svdOf,
  train,
  updateOf,
} from '@lorikeet/peft-lora';
import {
  add,
  eye,
  matmul,
  normal,
  randomKey,
  sub,
  svd,
  type Tensor,
  tensor,
  vectorNorm,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noisePair, otherwiseWritten, sumOfSquares } from '../algebra/pairs.ts';
import { numbers, refusal, Small, trainedForm } from '../support.ts';

const model = new Small();
const numRuns = Number(process.env.LORIKEET_RUNS ?? 15);

/** A pair of factors that may be wider than the matrix, and small parts of it nearly nothing. */
const pairs = fc
  .record({
    seed: fc.nat(1000),
    out: fc.integer({ min: 1, max: 9 }),
    inputs: fc.integer({ min: 1, max: 9 }),
    rank: fc.integer({ min: 1, max: 6 }),
    scale: fc.constantFrom(0.01, 0.7, -3),
  })
  .map(({ seed, out, inputs, rank, scale }) => noisePair(seed, out, inputs, rank, scale));

interface Layer {
  readonly layer: Linear;
}

const layerOf = ({ left, right }: LowRank): Layer => ({
  layer: new Linear(normal(randomKey(5), [left.shape[0] ?? 0, right.shape[1] ?? 0]), null),
});
const tunedBy = (pair: LowRank): Layer =>
  applyUpdate(layerOf(pair), new AdapterUpdate({ layer: pair }));

function expectNear(got: number | null | undefined, expected: number, share = 1e-9): void {
  expect(Math.abs((got ?? Number.NaN) - expected)).toBeLessThanOrEqual(
    share * Math.max(1e-6, Math.abs(expected)),
  );
}

describe('what an adapter does to one weight', () => {
  test('has the spectrum and the norms of the dense update', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async (pair) => {
        const { rows } = await analyseAdapter(tunedBy(pair));
        const dense = await numbers(svd(denseOf(pair)).s);
        const [row] = rows;
        for (const [i, value] of dense.entries())
          expect(Math.abs((row?.singularValues[i] ?? 0) - value)).toBeLessThan(
            1e-12 * (1 + (dense[0] ?? 0)),
          );
        expectNear(row?.frobeniusNorm, await vectorNorm(denseOf(pair)).item());
        expectNear(row?.spectralNorm, dense[0] ?? 0);
        expect(row?.effectiveRank).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(row?.effectiveRank).toBeLessThanOrEqual((row?.singularValues.length ?? 0) + 1e-9);
      }),
      { numRuns },
    );
  });

  test('is the same however the factors are written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), async (seed) => {
        const pair = noisePair(seed);
        const [one, other] = [
          await analyseAdapter(tunedBy(pair)),
          await analyseAdapter(tunedBy(otherwiseWritten(pair, seed + 1))),
        ];
        for (const [i, value] of (one.rows[0]?.singularValues ?? []).entries())
          expectNear(other.rows[0]?.singularValues[i], value, 1e-7);
        expectNear(other.rows[0]?.effectiveRank, one.rows[0]?.effectiveRank ?? 0, 1e-7);
        expectNear(other.rows[0]?.drift?.cosine, one.rows[0]?.drift?.cosine ?? 0, 1e-7);
      }),
      { numRuns },
    );
  });

  test('is measured against the base as the dense weights say', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async (pair) => {
        const tuned = tunedBy(pair);
        const { rows } = await analyseAdapter(tuned);
        const base = (disable(tuned).layer.weight as Tensor).cast('f64');
        const adapted = add(base, denseOf(pair));
        const norms = await Promise.all(
          [denseOf(pair), base, adapted].map((x) => vectorNorm(x).item()),
        );
        const [change = 0, before = 0, after = 0] = norms;
        const largest = async (x: Tensor): Promise<number> => (await numbers(svd(x).s))[0] ?? 0;
        expectNear(rows[0]?.drift?.frobenius, change / before);
        expectNear(
          rows[0]?.drift?.spectral,
          (await largest(denseOf(pair))) / (await largest(base)),
        );
        const inner = await base.mul(adapted).sum().item();
        expect(rows[0]?.drift?.cosine).toBeCloseTo(inner / (before * after), 9);
      }),
      { numRuns },
    );
  });

  test('keeps the energy that is asked for at the suggested rank, and less below it', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, fc.constantFrom(0.5, 0.9, 0.999), async (pair, energy) => {
        const { rows } = await analyseAdapter(tunedBy(pair), { energy });
        const { rank, energy: kept } = rows[0]?.suggested ?? { rank: 0, energy: 0 };
        const total = await sumOfSquares(denseOf(pair));
        const keptBy = async (count: number): Promise<number> => {
          const small = new AdapterUpdate({ layer: pair }).compress(count).pairs.layer ?? pair;
          return 1 - (await sumOfSquares(sub(denseOf(pair), denseOf(small)))) / total;
        };
        expect(await keptBy(rank)).toBeGreaterThanOrEqual(energy - 1e-12);
        expect(await keptBy(rank)).toBeCloseTo(kept, 9);
        if (rank > 1) expect(await keptBy(rank - 1)).toBeLessThan(energy);
      }),
      { numRuns },
    );
  });
});

test('a rank that keeps just what is asked for is enough', async () => {
  const twice = { left: eye(2), right: eye(2), scale: 3 };
  const { rows } = await analyseAdapter(tunedBy(twice), { energy: 0.5 });
  expect(rows[0]?.suggested).toEqual({ rank: 1, energy: 0.5 });
});

test('an effective rank counts equal directions, whatever their size, and nothing as 0', () => {
  expect(effectiveRank([3, 3, 3, 0])).toBeCloseTo(3, 12);
  expect(effectiveRank([5])).toBe(1);
  expect(effectiveRank([0, 0])).toBe(0);
  expect(effectiveRank([])).toBe(0);
  // The entropy of 3/4 and 1/4.
  const entropy = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
  expect(effectiveRank([6, 2])).toBeCloseTo(Math.exp(entropy), 12);
});

test('a spectral norm of a large matrix is its largest singular value', async () => {
  const x = normal(randomKey(1), [90, 120]).cast('f64');
  const [exact = 0] = await numbers(svd(x).s);
  expectNear(await spectralNorm(x).item(), exact, 1e-6);
  expectNear(await spectralNorm(x.permute([1, 0])).item(), exact, 1e-6);
});

describe('any method on any weight', () => {
  test('is analysed, with the share of the adapter worked in', async () => {
    const tuned = await trainedForm(
      adapt(model, {
        '**.query': lora({ rank: 2 }),
        '**.value': dora({ rank: 2 }),
        '**.mlp': oft({ blockSize: 2 }),
        '**.out': loha({ rank: 1 }),
        '{words,line,plane}': lora({ rank: 1 }),
        '**.norm': lnTuning(),
        classifier: train(),
      }),
    );
    const { rows, wholes } = await analyseAdapter(tuned);
    expect(rows).toHaveLength(11);
    const merged = merge(tuned);
    for (const { path, singularValues, frobeniusNorm, method } of rows) {
      const change = sub(weightAt(merged, path), weightAt(model, path));
      expectNear(frobeniusNorm, await vectorNorm(change).item(), 1e-5);
      const most = path.endsWith('query') ? 2 : method === 'loha' ? 1 : undefined;
      if (most !== undefined) expect(singularValues.length).toBeLessThanOrEqual(most);
    }
    expect(wholes.map(({ path, method }) => `${path} ${method}`)).toEqual(
      expect.arrayContaining(['classifier.weight train', 'encoder.layer.0.norm.weight lnTuning']),
    );
    for (const { path, frobeniusNorm, drift } of wholes) {
      if (!path.endsWith('weight')) continue;
      const [before, after] = [
        weightAt(model, path.slice(0, -7)),
        weightAt(merged, path.slice(0, -7)),
      ];
      const change = await vectorNorm(sub(after, before)).item();
      expectNear(frobeniusNorm, change, 1e-5);
      expectNear(drift?.frobenius, change / (await vectorNorm(before).item()), 1e-5);
    }
    const halved = adapt(model, { '**.query': lora({ rank: 2, initLoraWeights: false }) });
    const [whole, half] = [
      await analyseAdapter(halved),
      await analyseAdapter(setAdapterWeights(halved, { default: 0.5 })),
    ];
    expectNear(half.rows[0]?.spectralNorm, (whole.rows[0]?.spectralNorm ?? 0) / 2);
  });

  test('is one matrix over all experts', async () => {
    for (const inputAxis of [0, 1] as const) {
      const experts = { up: new ExpertLinear(normal(randomKey(1), [3, 4, 5]), null, inputAxis) };
      const tuned = adapt(experts, { up: lora({ rank: 1, initLoraWeights: false }) });
      const { rows } = await analyseAdapter(tuned);
      const change = sub(weightAt(merge(tuned), 'up'), weightAt(experts, 'up'));
      expectNear(rows[0]?.frobeniusNorm, await vectorNorm(change).item(), 1e-5);
      expect(rows[0]?.singularValues).toHaveLength(3);
    }
  });

  test('that changes nothing yet has nothing to suggest', async () => {
    const { rows } = await analyseAdapter(adapt(model, { '**.query': lora({ rank: 2 }) }));
    expect(rows[0]).toMatchObject({
      singularValues: [0, 0],
      effectiveRank: 0,
      suggested: { rank: 0, energy: 1 },
      drift: { frobenius: 0, spectral: 0 },
    });
    expect(rows[0]?.drift?.cosine).toBeCloseTo(1, 12);
  });

  test('needs no base where it is not to be looked at', async () => {
    const tuned = adapt(model, {
      '**.query': lora({ rank: 2, initLoraWeights: false }),
      classifier: train(),
    });
    const { rows, wholes } = await analyseAdapter(tuned, { drift: false });
    expect(rows.map(({ drift }) => drift)).toEqual([null, null]);
    expect(wholes.map(({ frobeniusNorm }) => frobeniusNorm)).toEqual([null, null]);
    const { s } = svdOf(updateOf(tuned).pairs['encoder.layer.0.query'] ?? noisePair(0));
    for (const [i, value] of (await numbers(s)).entries())
      expectNear(rows[0]?.singularValues[i], value, 1e-5);
  });
});

describe('intruder dimensions', () => {
  const base = eye(8);
  const sizes = tensor([8, 7, 6, 5, 4, 3, 2, 1]);
  const plain = { layer: new Linear(base.mul(sizes), null) };
  const first = (x: Tensor): Tensor => x.reshape([8, 1]).cast('f64');
  const update = (direction: Tensor, scale: number): Layer =>
    applyUpdate(
      plain,
      new AdapterUpdate({
        layer: { left: first(direction), right: first(direction).reshape([1, 8]), scale },
      }),
    );

  test('are those leading directions that are like none of the base', async () => {
    // A large change along a direction that is at 69 degrees to every axis.
    const spread = tensor([1, 1, 1, 1, 1, 1, 1, 1]).mul(8 ** -0.5);
    const one = await analyseAdapter(update(spread, 100), { intruders: { top: 1 } });
    expect(one.rows[0]?.intruders).toBe(1);
    const axis = tensor([0, 0, 1, 0, 0, 0, 0, 0]);
    const none = await analyseAdapter(update(axis, 100), { intruders: {} });
    expect(none.rows[0]?.intruders).toBe(0);
    expect((await analyseAdapter(update(axis, 100))).rows[0]?.intruders).toBeNull();
    expect(String(one)).toContain('intruders');
  });

  test('want a number and a cosine', async () => {
    const refused = (intruders: { top?: number; threshold?: number }): Promise<void> =>
      expect(analyseAdapter(update(sizes, 1), { intruders })).rejects.toThrow(
        refusal('invalid-argument', 'intruders'),
      );
    await refused({ top: 0 });
    await refused({ threshold: 1.5 });
  });
});

test('an analysis is a table for people', async () => {
  const tuned = adapt(model, {
    '**.query': lora({ rank: 2, initLoraWeights: false }),
    words: lora({ rank: 1, initLoraWeights: false }),
    classifier: train(),
  });
  const lines = String(await analyseAdapter(tuned)).split('\n');
  expect(lines[0]).toMatch(/^module +method +shape +rank +effective +suggested +norm +spectral /);
  expect(lines[1]).toMatch(/^words +lora +\[7,6\] +1 +1\.00 +1 +\d/);
  expect(lines.join('\n')).toMatch(/classifier\.weight +train +\[3,4\] +0\.000 +0\.000 +1\.000000/);
  expect(lines.at(-1)).toBe('suggested: the lowest rank that keeps 95.0 % of the energy');
});

test('what is not there, or no part, is refused', async () => {
  await expect(analyseAdapter(model)).rejects.toThrow(refusal('no-match', "'default'"));
  const tuned = { table: new Embedding(matmul(eye(3), eye(3))) };
  await expect(
    analyseAdapter(adapt(tuned, { table: lora({ rank: 1 }) }), { energy: 2 }),
  ).rejects.toThrow(refusal('invalid-argument', '2 is no part'));
});

function weightAt(tree: unknown, path: string): Tensor {
  let node: unknown = tree;
  for (const step of [...path.split('.'), 'weight'])
    node = typeof node === 'object' && node !== null ? Reflect.get(node, step) : undefined;
  return (node as Tensor).cast('f64');
}
