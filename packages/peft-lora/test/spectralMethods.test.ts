import { readFileSync } from 'node:fs';
import { at, Context, Linear, materialize } from '@lorikeet/nn';
import {
  AdaptedWeight,
  adapt,
  adapterLayers,
  c3a,
  decodeAdapter,
  fourierft,
  merge,
  road,
  shira,
  tinylora,
  vblora,
  vera,
  waveft,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { dot, grad, normal, randomKey, type Tensor, zeros } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { expect, test } from 'vitest';
import { randomBases } from '../src/randomBases.ts';
import { kaimingValues } from '../src/torch/kaimingValues.ts';
import { MersenneTwister } from '../src/torch/mersenneTwister.ts';
import { normalValues, permutationStart } from '../src/torch/randomValues.ts';
import { largestResult } from './largestResult.ts';
import { goldenModel, goldenPath, readAll } from './peft/goldenModel.ts';
import { expectClose, numbers, refusal, trainedForm } from './support.ts';

/** Tensors that PEFT wrote. */
async function stored(name: string, file = 'adapter_model'): Promise<Map<string, Tensor>> {
  const opened = await openSafetensors(
    goldenPath('adapters', 'bert-seqcls', name, `${file}.safetensors`),
  );
  const tensors = await readAll(opened);
  await opened.close();
  return tensors;
}

const query = 'bert.encoder.layer.0.attention.self.query';

test('the Mersenne twister gives the numbers that its authors print', () => {
  const generator = new MersenneTwister(5489);
  expect([generator.bits(), generator.bits(), generator.bits()]).toEqual([
    3499211612, 581869302, 3890346734,
  ]);
  for (let i = 3; i < 9999; i++) generator.bits();
  expect(generator.bits()).toBe(4123659995);
});

test.each(['fourierft', 'waveft'])("the seed of %s chooses PyTorch's entries", async (name) => {
  const tuned = await loadAdapter(
    await goldenModel('bert-seqcls'),
    goldenPath('adapters', 'bert-seqcls', name),
  );
  const indices = (await stored(name, 'io')).get(`indices.${query}`);
  const [{ layer } = { layer: undefined }] = adapterLayers(at(tuned, query));
  const chosen = layer instanceof AdaptedWeight ? layer.frozen.indices : undefined;
  expect(chosen === undefined ? [] : await numbers(chosen)).toEqual(
    indices === undefined ? undefined : await numbers(indices),
  );
});

test("a seed gives PyTorch's projections, bit by bit", async () => {
  const [vera, rand] = [await stored('vera'), await stored('randlora')];
  const generator = new MersenneTwister(0);
  for (const [key, fanIn] of [
    ['vera_A', 32],
    ['vera_B', 6],
  ] as const)
    expect([...kaimingValues(generator, 6 * 32, fanIn, 0)]).toEqual(
      await numbers(vera.get(`base_model.${key}`) as Tensor),
    );
  const options = {
    rank: 5,
    small: 32,
    large: 32,
    count: 7,
    sparse: false,
    verySparse: false,
    projectionSeed: 0,
  };
  const { A } = randomBases(options);
  expect([...A]).toEqual(await numbers(rand.get('base_model.randlora_A') as Tensor));
});

test('fewer than 16 normal numbers are those of PyTorch for two seeds', () => {
  const [zero, answer] = [0, 42].map((seed) => [...normalValues(new MersenneTwister(seed), 5)]);
  const closely = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 4));
  expect(zero).toEqual(closely([1.541, -0.2934, -2.1788, 0.5684, -1.0845]));
  expect(answer).toEqual(closely([0.3367, 0.1288, 0.2345, 0.2303, -1.1229]));
  expect([...normalValues(new MersenneTwister(0), 3)]).toEqual(zero?.slice(0, 3));
});

test('normal numbers come in blocks of 16, the last of which overlaps; few of many places are swapped', () => {
  const [whole, longer] = [16, 20].map((count) => normalValues(new MersenneTwister(3), count));
  expect([...(longer ?? [])].slice(0, 4)).toEqual([...(whole ?? [])].slice(0, 4));
  expect(longer?.every(Number.isFinite)).toBe(true);
  const all = permutationStart(new MersenneTwister(3), 50, 50);
  expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect([...permutationStart(new MersenneTwister(3), 50, 7)]).toEqual([...all.slice(0, 7)]);
});

test('sparse bases have deviation 1 and three kinds of elements', () => {
  const options = { rank: 4, small: 32, large: 48, count: 8, verySparse: false, projectionSeed: 1 };
  const { B } = randomBases({ ...options, sparse: true });
  expect(new Set(B).size).toBe(3);
  expect(B.filter((value) => value !== 0).length / B.length).toBeCloseTo(1 / 3, 1);
  expect(B.reduce((sum, value) => sum + value * value, 0) / B.length).toBeCloseTo(1, 1);
});

test("circulant blocks have the right derivative by the input, or PEFT's with compat", async () => {
  const model = { part: new Linear(normal(randomKey(1), [6, 9]), null) };
  const [x, weights] = [normal(randomKey(2), [2, 9]), normal(randomKey(3), [2, 6])];
  const [plain, compat] = await Promise.all(
    [c3a({ blockSize: 3 }), c3a({ blockSize: 3, compat: 'peft' })].map((how) =>
      trainedForm(adapt(model, { part: how })),
    ),
  );
  const call = (tuned: typeof plain, input: Tensor): Tensor =>
    tuned?.part.call(input, Context.evaluation) ?? input;
  const slope = (tuned: typeof plain): Tensor =>
    grad((input: Tensor) => call(tuned, input).mul(weights).sum())(x);
  await expectClose(call(compat, x), call(plain, x));
  const merged = plain === undefined ? undefined : await materializedSlope(plain.part, weights);
  await expectClose(slope(plain), merged ?? x);
  const [right, wrong] = [await numbers(slope(plain)), await numbers(slope(compat))];
  expect(Math.max(...right.map((value, i) => Math.abs(value - (wrong[i] ?? 0))))).toBeGreaterThan(
    0.01,
  );
});

/** The derivative of `(x W^T) * weights` by x: weights W. */
async function materializedSlope(part: Linear, weights: Tensor): Promise<Tensor> {
  return dot(weights, materialize(part.weight), { contract: [[1], [0]] });
}

test.each([
  ['vera', vera({ rank: 4 })],
  ['vblora', vblora({ rank: 2, numVectors: 8, vectorLength: 8 })],
  ['tinylora', tinylora()],
  ['fourierft', fourierft({ frequencies: 50 })],
  ['waveft', waveft({ frequencies: 50 })],
  ['c3a', c3a({ blockSize: 48 })],
  ['road', road()],
])('%s forms no matrix of the size of the weight, nor do its derivatives', (_, how) => {
  // Longer than what a Fourier transform does as one product.
  const model = { part: new Linear(zeros([384, 480]), null) };
  const { part } = adapt(model, { part: how as ReturnType<typeof road> });
  expect(largestResult(part, zeros([2, 480]))).toBeLessThan(384 * 480);
});

test('angles turn the bias with the outputs', async () => {
  const model = { part: new Linear(normal(randomKey(1), [4, 3]), normal(randomKey(2), [4])) };
  const tuned = await trainedForm(adapt(model, { part: road({ groupSize: 4 }) }));
  const x = normal(randomKey(3), [2, 3]);
  await expectClose(
    merge(tuned).part.call(x, Context.evaluation),
    tuned.part.call(x, Context.evaluation),
  );
  const nothing = await numbers(tuned.part.call(zeros([1, 3]), Context.evaluation));
  expect(nothing).not.toEqual(await numbers(model.part.bias as Tensor));
});

test('what does not fit a weight is refused', () => {
  const model = { part: new Linear(zeros([6, 3]), null) };
  const put = (how: Parameters<typeof adapt>[1][string]) => () => adapt(model, { part: how });
  expect(put(fourierft({ frequencies: 19 }))).toThrow(
    refusal('unsupported', 'more than a weight of 6 by 3'),
  );
  expect(put(waveft({ frequencies: 19 }))).toThrow(
    refusal('unsupported', 'more than a weight of 6 by 3'),
  );
  expect(put(shira({ rank: 3 }))).toThrow(
    refusal('unsupported', 'more entries than a weight of 6 by 3'),
  );
  expect(put(c3a({ blockSize: 2 }))).toThrow(
    refusal('unsupported', 'do not divide a weight of 6 by 3'),
  );
  expect(put(road({ groupSize: 4 }))).toThrow(refusal('unsupported', 'do not divide 6 outputs'));
  expect(() => road({ groupSize: 3 })).toThrow(refusal('invalid-config', 'groupSize'));
});

test.each([
  ['waveft', { wavelet_family: 'db11' }],
  ['fourierft', { n_frequency_of_heads: 2 }],
])('a config of %s with %o is refused, not read as another', async (name, changes) => {
  const dir = goldenPath('adapters', 'bert-seqcls', name);
  const config = JSON.parse(readFileSync(`${dir}/adapter_config.json`, 'utf8'));
  const tensors = await openSafetensors(`${dir}/adapter_model.safetensors`);
  const files = { config: { ...config, ...changes }, tensors };
  const key = Object.keys(changes)[0] ?? '';
  await expect(decodeAdapter(await goldenModel('bert-seqcls'), files)).rejects.toThrow(
    refusal('unsupported', key),
  );
  await tensors.close();
});
