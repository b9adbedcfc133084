import { Context } from '@lorikeet/nn';
import { ones, randomKey, type Tensor, tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { numbers } from './support.ts';

const x = ones([200]);

async function keyOf(context: Context): Promise<string> {
  return String(await numbers(context.key ?? zeros([0])));
}

describe('a context for training', () => {
  const context = Context.training(randomKey(1));

  test('knows that it is one', () => {
    expect(context.isTraining).toBe(true);
    expect(context.child('a').isTraining).toBe(true);
  });

  test('has a child for each label, and all differ from it and from each other', async () => {
    const labels = ['a', 'b', 'weight', '0', 0, 1, 2];
    const keys = await Promise.all([context, ...labels.map((l) => context.child(l))].map(keyOf));
    expect(new Set(keys).size).toBe(labels.length + 1);
  });

  test('has children that depend on the way to them', async () => {
    const ways = [context.child('a').child('b'), context.child('b').child('a')];
    expect(await keyOf(ways[0] ?? context)).not.toBe(await keyOf(ways[1] ?? context));
  });

  test('drops the same elements for the same key and label, and others for others', async () => {
    const dropped = async (seed: number, label: string): Promise<number[]> =>
      numbers(Context.training(randomKey(seed)).child(label).dropout(x, 0.5));
    expect(await dropped(1, 'a')).toEqual(await dropped(1, 'a'));
    expect(await dropped(1, 'a')).not.toEqual(await dropped(1, 'b'));
    expect(await dropped(1, 'a')).not.toEqual(await dropped(2, 'a'));
  });
});

describe('the context for evaluation', () => {
  test('is its own child, and has no key', () => {
    expect(Context.evaluation.isTraining).toBe(false);
    expect(Context.evaluation.key).toBeUndefined();
    expect(Context.evaluation.child('a')).toBe(Context.evaluation);
  });

  test('drops nothing', () => {
    expect(Context.evaluation.dropout(x, 0.9)).toBe(x);
    expect(Context.evaluation.child(3).dropout(tensor(1), 1).shape).toEqual([]);
  });
});

test('a part is called in a context of its own, and errors within tell its label', async () => {
  const part = { call: (x: Tensor, own: Context) => own.dropout(x, 0.5) };
  const training = Context.training(randomKey(1));
  expect(await numbers(training.call('a', part, x))).toEqual(
    await numbers(part.call(x, training.child('a'))),
  );
  const broken = { call: (y: Tensor) => y.add(ones([3])) };
  expect(() =>
    training.call('b', { call: (y: Tensor, own: Context) => own.call(0, broken, y) }, x),
  ).toThrow(/ at: {7}b\.0\n/);
});
