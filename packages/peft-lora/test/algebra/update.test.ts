import { paths } from '@lorikeet/nn';
import {
  adapt,
  applyUpdate,
  decodeAdapter,
  disable,
  encodeAdapter,
  loha,
  lora,
  merge,
  setAdapterWeights,
  train,
  updateOf,
} from '@lorikeet/peft-lora';
import { slice } from '@lorikeet/tensor-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, ids, refusal, Small, trainedForm } from '../support.ts';

const model = new Small();
let tuned: Small;

beforeAll(async () => {
  const every = lora({ rank: 2, alpha: 3, loraBias: true });
  const one = adapt(
    model,
    {
      '**.{query,mlp}': every,
      words: lora({ rank: 1 }),
      line: lora({ rank: 2 }),
      classifier: train(),
    },
    { name: 'a' },
  );
  const both = adapt(
    await trainedForm(one),
    {
      '**.{query,out}': lora({ rank: 3, useRslora: true, bias: 'lora_only' }),
      plane: lora({ rank: 2 }),
      classifier: train(),
    },
    { name: 'b' },
  );
  tuned = await trainedForm(both, 9);
});

const alone = (name: 'a' | 'b'): Small => disable(tuned, name === 'a' ? 'b' : 'a');

describe('an update taken from a model and put on the base', () => {
  test.each(['a', 'b'] as const)('is the adapter %s again', async (name) => {
    const again = applyUpdate(model, updateOf(alone(name), name), { name });
    await expectClose(again.call(ids), alone(name).call(ids), 1e-5);
    const difference = paths(model).some(
      ([, leaf]) => !paths(again).some(([, other]) => other === leaf),
    );
    expect(difference).toBe(false);
  });

  test('has the share of the adapter worked in', async () => {
    const halved = setAdapterWeights(
      adapt(model, { '**.query': lora({ rank: 2, initLoraWeights: false }) }),
      { default: 0.5 },
    );
    await expectClose(applyUpdate(model, updateOf(halved)).call(ids), halved.call(ids), 1e-5);
  });

  test('adds up with others in every kind of weight, in biases and in what trained whole', async () => {
    const [a, b] = [updateOf(alone('a'), 'a'), updateOf(alone('b'), 'b')];
    const mixed = applyUpdate(model, a.times(0.7).minus(b), { name: 'mixed' });
    const [before, one, two, sum] = [model, alone('a'), alone('b'), mixed].map(
      (tree) => new Map(paths(merge(tree))),
    );
    for (const [path, leaf] of before ?? []) {
      const change = (tree: Map<string, typeof leaf> | undefined) =>
        (tree?.get(path) ?? leaf).sub(leaf);
      await expectClose(change(sum), change(one).mul(0.7).sub(change(two)), 1e-5);
    }
  });

  test('is written to a file as LoRA, each weight with its rank', async () => {
    const [a, c] = [
      updateOf(alone('a'), 'a'),
      updateOf(adapt(model, { '**.query': lora({ rank: 1, initLoraWeights: false }) })),
    ];
    const biased = a.compress(1).plus(c);
    const { wholes: _, ...rest } = biased;
    const mixed = applyUpdate(
      model,
      Object.assign(Object.create(Object.getPrototypeOf(biased)), {
        ...rest,
        biases: {},
        wholes: {},
      }),
    );
    const { config } = encodeAdapter(mixed);
    expect(config.rank_pattern).toEqual({
      'encoder\\.layer\\.0\\.query': 2,
      'encoder\\.layer\\.1\\.query': 2,
    });
    const loaded = await decodeAdapter(model, await withConfig(await filesOf(mixed)));
    await expectClose(loaded.call(ids), mixed.call(ids), 1e-6);
  });
});

test('what is no low-rank product, is not there or does not fit is refused', () => {
  expect(() => updateOf(adapt(model, { '**.query': loha() }))).toThrow(
    refusal('unsupported', 'loha'),
  );
  expect(() => updateOf(model, 'x')).toThrow(refusal('no-match', "'x'"));
  const update = updateOf(alone('a'), 'a');
  expect(() => applyUpdate(tuned, update, { name: 'a' })).toThrow(
    refusal('invalid-argument', "'a'"),
  );
  const moved = new Small();
  Object.assign(moved, { encoder: { layer: [] } });
  expect(() => applyUpdate(moved, update)).toThrow(refusal('no-match'));
  const pair = update.pairs['encoder.layer.0.query'];
  if (pair === undefined) throw new Error('there is no such pair');
  const misplaced = updateOf(adapt(model, { 'encoder.layer.0.query': lora() })).mapPairs(() => ({
    ...pair,
    left: slice(pair.left, [0, 0], [4, 2]),
  }));
  expect(() => applyUpdate(model, misplaced)).toThrow(refusal('shape-mismatch', '[6,6]'));
});
