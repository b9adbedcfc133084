import { Context, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterNames,
  disable,
  isTrainableOf,
  lora,
  setAdapterWeights,
  train,
} from '@lorikeet/peft-lora';
import { normal, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectClose, ids, refusal, Small, trainedForm } from './support.ts';

const model = new Small();
let both: Small;

beforeAll(async () => {
  const a = await trainedForm(adapt(model, { '**.query': lora({ rank: 2 }) }, { name: 'a' }));
  both = await trainedForm(adapt(a, { '**.{query,value}': lora({ rank: 1 }) }, { name: 'b' }), 9);
});

/** The change of a layer that two adapters share. */
function change(tuned: Small): Tensor {
  const x = normal(randomKey(4), [3, 6]);
  const [before, after] = [model, tuned].map((tree) =>
    tree.encoder.layer[0]?.query.call(x, Context.evaluation),
  );
  if (before === undefined || after === undefined) throw new Error('there is no such layer');
  return after.sub(before);
}

describe('two adapters on one weight', () => {
  test('add their changes, each times its share', async () => {
    const [a, b] = [change(disable(both, 'b')), change(disable(both, 'a'))];
    await expectClose(change(both), a.add(b));
    const mixed = setAdapterWeights(both, { a: 0.5, b: -2 });
    await expectClose(change(mixed), a.mul(0.5).add(b.mul(-2)));
  });

  test('with the share 0 are as if they were not there', async () => {
    const off = setAdapterWeights(both, { a: 0, b: 0 });
    await expectClose(off.call(ids), model.call(ids));
  });

  test('come in any order', async () => {
    const put = (tree: Small, name: string, selector: string): Small =>
      adapt(tree, { [selector]: lora() }, { name });
    const one = await trainedForm(put(put(model, 'a', '**.query'), 'b', '**.value'));
    const other = await trainedForm(put(put(model, 'b', '**.value'), 'a', '**.query'));
    await expectClose(one.call(ids), other.call(ids), 0);
  });

  test('train apart', () => {
    const own = (name: string) =>
      paths(partition(both, isTrainableOf(name))[0]).map(([path]) => path);
    expect(own('a')).toHaveLength(2 * 2);
    expect(own('b')).toHaveLength(4 * 2);
    expect(own('a').filter((path) => own('b').includes(path))).toEqual([]);
  });
});

describe('disable', () => {
  test('takes one adapter away and leaves the other as it is', () => {
    const rest = disable(both, 'a');
    expect(adapterNames(rest)).toEqual(['b']);
    const kept = new Set(paths(both).map(([, leaf]) => leaf));
    expect(paths(rest).every(([, leaf]) => kept.has(leaf))).toBe(true);
  });

  test('refuses a name that is not there', () => {
    expect(() => disable(both, 'A')).toThrow(
      refusal('no-match', "the model has no adapter 'A'\n  expected: b, a"),
    );
  });
});

describe('setAdapterWeights', () => {
  test('refuses a name that is not there', () => {
    expect(() => setAdapterWeights(both, { c: 1 })).toThrow(refusal('no-match', "'c'"));
  });

  test('refuses a share of a module that trains as a whole', () => {
    const tuned = adapt(model, { classifier: train() }, { name: 'head' });
    expect(() => setAdapterWeights(tuned, { head: 0.5 })).toThrow(refusal('unsupported', 'share'));
    expect(setAdapterWeights(tuned, { head: 1 })).toBeDefined();
  });
});
