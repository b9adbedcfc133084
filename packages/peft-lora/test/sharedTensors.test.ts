import {
  Context,
  combine,
  countParameters,
  Linear,
  partition,
  paths,
  type Shared,
} from '@lorikeet/nn';
import {
  AdaptedWeight,
  adapt,
  adapterLayers,
  decodeAdapter,
  describe,
  encodeAdapter,
  isTrainable,
  randlora,
  tinylora,
  vblora,
  vera,
} from '@lorikeet/peft-lora';
import { evaluate, grad, normal, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { filesOf, withConfig } from './peft/files.ts';
import { numbers, refusal, trainedForm } from './support.ts';

const layer = (outputs: number, inputs: number): Linear =>
  new Linear(normal(randomKey(outputs), [outputs, inputs]), null);
const model = { wide: layer(4, 8), tall: layer(12, 4), square: layer(4, 4) };
type Model = typeof model;
const everywhere = '{wide,tall,square}';

/** The sum of the squares of the outputs for inputs of ones. */
function objective(tree: Model): Tensor {
  const parts = [tree.wide, tree.tall, tree.square].map((part, i) =>
    part.call(normal(randomKey(i), [3, [8, 4, 4][i] ?? 1]), Context.evaluation),
  );
  return parts.map((output) => output.mul(output).sum()).reduce((sum, term) => sum.add(term));
}

function sharedParts(tree: unknown): (Shared | null)[] {
  return adapterLayers(tree).flatMap(({ layer: found }) =>
    found instanceof AdaptedWeight ? [found.shared] : [],
  );
}

const banked = vblora({ rank: 2, numVectors: 5, vectorLength: 4 });

test('a projection has the largest sides of all places, and each takes its part', () => {
  const tuned = adapt(model, { [everywhere]: vera({ rank: 3 }) });
  const [first, ...others] = sharedParts(tuned);
  expect(first?.value).toMatchObject({
    frozen: { A: { shape: [3, 8] }, B: { shape: [12, 3] } },
  });
  for (const other of others) expect(other).toBe(first);
});

test('what trains in all places counts once, in a table too', () => {
  const tuned = adapt(model, { [everywhere]: banked });
  const own = 5 * 2 * ((4 + 8) / 4 + (12 + 4) / 4 + (4 + 4) / 4);
  expect(countParameters(tuned, isTrainable)).toBe(own + 5 * 4);
  const { rows, trainable } = describe(tuned);
  expect(trainable).toBe(own + 5 * 4);
  expect(rows.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(trainable);
});

test('it gets one gradient, the sum over its places, and stays one after a step', async () => {
  const tuned = await trainedForm(adapt(model, { [everywhere]: banked }));
  const [live, frozen] = partition(tuned, isTrainable);
  expect(paths(live).filter(([path]) => path.endsWith('bank'))).toHaveLength(1);
  const slope = await evaluate(grad((part: typeof live) => objective(combine(part, frozen)))(live));
  const alone = await Promise.all(
    (['wide', 'tall', 'square'] as const).map(async (name) => {
      const one = (part: typeof live): Tensor => {
        const tree = combine(part, frozen);
        return objective({ ...model, [name]: tree[name] });
      };
      const [, bank] = paths(grad(one)(live)).find(([path]) => path.endsWith('bank')) ?? [];
      return bank === undefined ? [] : numbers(bank);
    }),
  );
  const [, whole] = paths(slope).find(([path]) => path.endsWith('bank')) ?? [];
  const sums = whole === undefined ? [] : await numbers(whole);
  expect(sums).toHaveLength(20);
  for (const [i, sum] of sums.entries()) {
    const parts = alone.map((values) => values[i] ?? 0);
    expect(parts.filter((part) => part !== 0).length).toBeGreaterThan(0);
    expect(sum).toBeCloseTo(
      parts.reduce((a, b) => a + b),
      2,
    );
  }
  const [first, ...others] = sharedParts(combine(slope, frozen));
  for (const other of others) expect(other).toBe(first);
});

test('a file has it once, under the key that PEFT has for it', () => {
  const keys = (method: Parameters<typeof adapt>[1][string]): string[] =>
    [...encodeAdapter(adapt(model, { [everywhere]: method })).tensors.keys()].filter(
      (key) => !key.startsWith('base_model.model.'),
    );
  expect(keys(banked)).toEqual(['base_model.vblora_vector_bank']);
  expect(keys(vera({ rank: 2 }))).toEqual(['base_model.vera_A', 'base_model.vera_B']);
  expect(keys(randlora({ rank: 2 }))).toEqual(['base_model.randlora_A', 'base_model.randlora_B']);
  expect(keys(tinylora({ weightTying: 0.4 }))).toEqual([
    'base_model.tinylora_v.0',
    'base_model.tinylora_v.1',
  ]);
});

test.each([
  ['vera', vera({ rank: 2, saveProjection: false, projectionSeed: 3 })],
  ['randlora', randlora({ rank: 2, saveProjection: false, projectionSeed: 3 })],
  ['tinylora', tinylora({ saveProjection: false, projectionSeed: 3 })],
])('%s makes a projection that no file holds again, from the seed', async (_, method) => {
  const tuned = await trainedForm(adapt(model, { [everywhere]: method }));
  const files = await filesOf(tuned);
  expect([...files.entries.keys()].filter((key) => /_P$|vera_A|randlora_A/.test(key))).toEqual([]);
  const loaded = await decodeAdapter(model, await withConfig(files));
  expect(await objective(loaded).item()).toBe(await objective(tuned).item());
});

test('what comes back from a file that has only the top weights computes the same', async () => {
  const method = vblora({ rank: 2, numVectors: 5, vectorLength: 4, saveOnlyTopkWeights: true });
  const tuned = await trainedForm(adapt(model, { [everywhere]: method }));
  const files = await filesOf(tuned);
  const keys = [...files.entries.keys()].filter((key) => key.includes('wide'));
  expect(keys.sort()).toEqual(
    ['A_topk_indices', 'A_topk_weights', 'B_topk_indices', 'B_topk_weights'].map(
      (end) => `base_model.model.wide.vblora_logits_${end}`,
    ),
  );
  expect(files.entries.get(keys[0] ?? '')?.dtype).toBe('U8');
  const loaded = await decodeAdapter(model, await withConfig(files));
  const [got, expected] = [await objective(loaded).item(), await objective(tuned).item()];
  expect(Math.abs(got / expected - 1)).toBeLessThan(1e-5);
});

test('a bank does not fit a weight that its vectors do not divide', () => {
  const method = vblora({ numVectors: 5, vectorLength: 3 });
  expect(() => adapt(model, { wide: method })).toThrow(refusal('unsupported', 'do not divide'));
  const narrow = vblora({ numVectors: 1, vectorLength: 4 });
  expect(() => adapt(model, { wide: narrow })).toThrow(refusal('unsupported', 'more than the 1'));
});
