import { describeLaws, opLaws } from '@lorikeet/laws';
import {
  type AttentionOptions,
  attention,
  attentionGradientOp,
  attentionOp,
  cast,
  compile,
  type DType,
  evaluate,
  greaterEqual,
  iota,
  mul,
  normal,
  randomKey,
  sum,
  type Tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import type { Tiling, WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import { describe, expect, test } from 'vitest';
import { compiledBy } from './compiledBy.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';
import { onReference } from './onReference.ts';

const tilings: readonly Tiling[] = ['register', 'workgroup'];
// Each case means to compile some kernels.
const runs = process.env.LORIKEET_RUNS || process.env.LORIKEET_REPLAY ? {} : { runs: 2 };

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly groups: number;
  readonly queries: number;
  readonly keys: number;
  readonly size: number;
  readonly width: number;
}

interface Case {
  readonly sizes: Sizes;
  readonly options?: (sizes: Sizes) => AttentionOptions;
  readonly dtype?: DType;
}

const small: Sizes = {
  batch: 2,
  heads: 2,
  groups: 2,
  queries: 19,
  keys: 19,
  size: 8,
  width: 8,
};

// Numbers of queries and keys that are no multiples of what is met at a time, groups that are not full, and more than one.
const cases: Readonly<Record<string, Case>> = {
  plain: { sizes: { ...small, keys: 37, width: 6 } },
  causal: {
    sizes: { ...small, queries: 21, keys: 70, size: 12, width: 12 },
    options: () => ({ causal: true }),
  },
  'heads that share keys': {
    sizes: { ...small, heads: 4, size: 7, width: 5 },
    options: () => ({ causal: true, window: 5 }),
  },
  'more queries than keys, of which some see nothing': {
    sizes: { ...small, queries: 40, keys: 9, size: 4, width: 4 },
    options: () => ({ causal: true }),
  },
  'a mask that hides all from a row': {
    sizes: small,
    // Of a batch, the first 10 keys only; the first two queries of the other see nothing.
    options: ({ queries, keys }) => ({
      mask: greaterEqual(
        mul(iota([2, 1, queries, 1], 2), iota([2, 1, 1, keys], 0)),
        mul(2, iota([2, 1, 1, 1], 0)),
      ),
    }),
  },
  'a bias, and weights that are dropped': {
    sizes: { ...small, heads: 3, groups: 1, size: 5 },
    options: ({ heads, queries, keys }) => ({
      bias: normal(randomKey(9), [1, heads, queries, keys]),
      dropout: { rate: 0.3, key: randomKey(8) },
    }),
  },
  'long vectors, which threads share': {
    sizes: { ...small, batch: 1, queries: 18, keys: 18, size: 128, width: 128 },
    options: () => ({ causal: true }),
  },
  'half floats': { sizes: small, options: () => ({ causal: true }), dtype: 'f16' },
};

/** The result of attention, and the derivatives of a weighted sum of it, in f32. */
async function resultsOf({ sizes, options, dtype = 'f32' }: Case): Promise<number[][]> {
  const { batch, heads, groups, queries, keys, size, width } = sizes;
  const draw = (seed: number, shape: readonly number[]): Tensor =>
    cast(normal(randomKey(seed), shape), dtype);
  const inputs = [
    draw(1, [batch, heads, queries, size]),
    draw(2, [batch, groups, keys, size]),
    draw(3, [batch, groups, keys, width]),
  ];
  const weights = draw(4, [batch, heads, queries, width]);
  const given = options?.(sizes) ?? {};
  await evaluate([...inputs, weights]);
  const step = compile((known: readonly Tensor[]) => {
    const result = (xs: readonly Tensor[]): Tensor =>
      attention(xs[0] as Tensor, xs[1] as Tensor, xs[2] as Tensor, given);
    const objective = (xs: readonly Tensor[]): Tensor => sum(mul(weights, result(xs)));
    const { gradient } = valueAndGrad(objective)(known);
    return [result(known), ...gradient].map((x) => cast(x, 'f32'));
  });
  const found = await evaluate(await step(inputs));
  return await Promise.all(found.map(async (x) => [...(await x.data())]));
}

/** Sums of at most 70 products, and what is made of them, in f32; of half floats, the rounding of the operands' dtype. */
const tolerances: Readonly<Partial<Record<DType, number>>> = { f32: 1e-5, f16: 4e-3 };

for (const tiling of tilings) {
  await describeOnWebgpu(
    `attention in one pass, ${tiling}`,
    (backend) => {
      for (const op of [attentionOp, attentionGradientOp]) {
        const laws = opLaws(op, { backends: [backend] })
          .filter(({ name }) => name === 'is the same on webgpu')
          .map((law) => ({ ...law, check: () => law.check(runs) }));
        describeLaws(op.name, laws, { describe, test });
      }

      test.each(Object.entries(cases))('agrees with its meaning: %s', async (_, chosen) => {
        const expected = await onReference(() => resultsOf(chosen));
        const { result: found, executables } = await compiledBy(backend, () => resultsOf(chosen));
        const kernels = executables.flatMap((executable) => backend.kernelsOf(executable));
        expect(kernels.filter(({ name }) => name.startsWith('attention')).length).toBeGreaterThan(
          0,
        );
        const { result: again } = await compiledBy(backend, () => resultsOf(chosen));
        expect(again).toEqual(found);
        const tolerance = tolerances[chosen.dtype ?? 'f32'] ?? 0;
        expected.forEach((values, i) => {
          const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          const error = values.reduce(
            (most, value, j) => Math.max(most, Math.abs(value - (found[i]?.[j] ?? Number.NaN))),
            0,
          );
          expect(error).toBeLessThanOrEqual(tolerance * largest);
        });
      });
    },
    { tiling, attention: 'always' },
  );
}

/** Bytes of all that a step of attention over 2,048 positions keeps between its kernels, where nothing runs. */
async function keptBytes(options: Parameters<typeof createNodeWebgpuBackend>[0]): Promise<number> {
  const backend: WebgpuBackend = await createNodeWebgpuBackend({
    ...options,
    dawn: ['backend=null'],
  });
  try {
    const sizes = { ...small, batch: 1, heads: 2, groups: 2, queries: 2048, keys: 2048 };
    const { unplannedBytes: before } = backend.statistics();
    await compiledBy(backend, () => resultsOf({ sizes }));
    return backend.statistics().unplannedBytes - before;
  } finally {
    backend.destroy();
  }
}

test('no matrix of weights is in memory', async () => {
  const weights = 2 * 2048 ** 2 * 4;
  for (const tiling of tilings) expect(await keptBytes({ tiling })).toBeLessThan(weights / 16);
  expect(await keptBytes({ attention: 'never' })).toBeGreaterThan(weights);
});
