import { Context, Linear } from '@lorikeet/nn';
import { AdaptedWeight, adapt, type LoraOptions, lora } from '@lorikeet/peft-lora';
import { foldIn, normal, randomKey, type Tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, numbers, Small, trainedForm } from './support.ts';

const model = new Small();
const key = randomKey(11);

/** The factors of an adapter on one weight of a wide model. */
function factors(
  options: LoraOptions,
  field: 'linear' | 'words' = 'linear',
  seed: Tensor = key,
): [A: Tensor, B: Tensor] {
  const wide = { linear: new Linear(zeros([80, 60]), null), words: model.words };
  const { weight } = adapt(wide, { [field]: lora(options) }, { key: seed })[field];
  const { A, B } = weight instanceof AdaptedWeight ? weight.parameters : {};
  if (A === undefined || B === undefined) throw new Error('there is no adapter');
  return [A, B];
}

async function statistics(
  values: Tensor,
): Promise<{ mean: number; deviation: number; most: number }> {
  const all = await numbers(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const square = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length;
  return { mean, deviation: Math.sqrt(square), most: Math.max(...all.map(Math.abs)) };
}

describe('first values are those of PEFT', () => {
  test('by default: A spread evenly within 1 / sqrt(in), B zero', async () => {
    const [A, B] = factors({ rank: 50 });
    const { mean, deviation, most } = await statistics(A);
    const bound = 1 / Math.sqrt(60);
    expect(A.shape).toEqual([50, 60]);
    expect(most).toBeLessThanOrEqual(bound);
    expect(most).toBeGreaterThan(0.99 * bound);
    expect(Math.abs(mean)).toBeLessThan(0.05 * bound);
    expect(deviation / (bound / Math.sqrt(3))).toBeCloseTo(1, 1);
    expect((await statistics(B)).most).toBe(0);
  });

  test('gaussian: A normal with deviation 1 / rank, B zero', async () => {
    const [A, B] = factors({ rank: 50, initLoraWeights: 'gaussian' });
    const { mean, deviation, most } = await statistics(A);
    expect(Math.abs(mean)).toBeLessThan(0.002);
    expect(deviation * 50).toBeCloseTo(1, 1);
    expect(most * 50).toBeGreaterThan(2.5);
    expect((await statistics(B)).most).toBe(0);
  });

  test('off: both spread evenly, so that the adapter is no identity', async () => {
    const [A, B] = factors({ rank: 50, initLoraWeights: false });
    expect((await statistics(A)).most).toBeGreaterThan(0.12);
    const { most } = await statistics(B);
    expect(most).toBeLessThanOrEqual(1 / Math.sqrt(50));
    expect(most).toBeGreaterThan(0.99 / Math.sqrt(50));
  });

  test('of an embedding: A zero, B normal', async () => {
    const [A, B] = factors({ rank: 40 }, 'words');
    expect([A.shape, B.shape]).toEqual([
      [40, 7],
      [6, 40],
    ]);
    expect((await statistics(A)).most).toBe(0);
    expect((await statistics(B)).deviation).toBeCloseTo(1, 0);
  });

  test('follow the key', async () => {
    const [first] = factors({ rank: 2 });
    const [again] = factors({ rank: 2 });
    const [other] = factors({ rank: 2 }, 'linear', randomKey(12));
    expect(await numbers(first)).toEqual(await numbers(again));
    expect(await numbers(first)).not.toEqual(await numbers(other));
  });
});

describe('scaling', () => {
  test.each([
    [{ rank: 4, alpha: 8 }, 2],
    [{ rank: 4, alpha: 8, useRslora: true }, 4],
  ])('with %j multiplies B A by %d', async (options, scaling) => {
    const tuned = await trainedForm(
      adapt({ linear: new Linear(zeros([5, 6]), null) }, { linear: lora(options) }),
    );
    const { weight } = tuned.linear;
    if (!(weight instanceof AdaptedWeight)) throw new Error('there is no adapter');
    const { A, B } = weight.parameters;
    if (A === undefined || B === undefined) throw new Error('there are no factors');
    await expectClose(weight.materialize(), B.matmul(A).mul(scaling));
  });
});

describe('dropout', () => {
  const layer = trainedForm(
    adapt({ linear: new Linear(zeros([5, 8]), null) }, { linear: lora({ rank: 3, dropout: 0.4 }) }),
  );
  const x = normal(key, [2, 8]);
  const call = async (context: Context) => (await layer).linear.call(x, context);

  test('differs from key to key in training', async () => {
    const [one, other] = [1, 2].map((seed) => call(Context.training(randomKey(seed))));
    expect(await numbers(await (one as Promise<Tensor>))).not.toEqual(
      await numbers(await (other as Promise<Tensor>)),
    );
  });

  test('does not act in evaluation', async () => {
    const plain = await call(Context.evaluation);
    const weight = (await layer).linear.weight;
    if (!(weight instanceof AdaptedWeight)) throw new Error('there is no adapter');
    await expectClose(plain, x.matmul(weight.materialize().permute([1, 0])));
  });

  test('keeps the mean over many keys and rows', async () => {
    const [keys, rows] = [20, 5000];
    const same = x.reshape([1, 2, 8]).broadcastTo([rows, 2, 8]);
    const { linear } = await layer;
    const means = Array.from({ length: keys }, (_, i) =>
      linear.call(same, Context.training(foldIn(key, i))).mean(0),
    );
    const mean = means.reduce((sum, part) => sum.add(part)).mul(1 / keys);
    await expectClose(mean, await call(Context.evaluation), 0.02);
  });

  test('acts in front of convolutions too, and not on embeddings', async () => {
    const dropping = await trainedForm(adapt(model, { line: lora({ dropout: 0.5 }) }));
    const outputs = [1, 2].map((seed) => dropping.call(ids, Context.training(randomKey(seed))));
    const [one, other] = await Promise.all(outputs.map(numbers));
    expect(one).not.toEqual(other);
    const words = await trainedForm(adapt(model, { words: lora({ dropout: 0.5 }) }));
    await expectClose(words.call(ids, Context.training(key)), words.call(ids), 0);
  });
});
