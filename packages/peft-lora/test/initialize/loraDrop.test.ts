import { Context, Linear, partition, paths, replaceAt } from '@lorikeet/nn';
import {
  adapt,
  convertToLora,
  describe as describeAdapters,
  isTrainable,
  loha,
  lora,
  loraDrop,
  sharedLora,
  train,
} from '@lorikeet/peft-lora';
import { normal, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { expectClose, ids, refusal, Small, trainedForm } from '../support.ts';

/** A stack of layers whose adapters have sizes that are known. */
class Stack {
  readonly layers: readonly Linear[] = [1, 2, 3, 4].map(
    (seed) => new Linear(normal(randomKey(seed), [3, 3]), null),
  );
  readonly head: Linear = new Linear(normal(randomKey(9), [2, 3]), null);

  /** Each layer sees the same. */
  call(x: Tensor): Tensor {
    const outputs = this.layers.map((layer) => layer.call(x, Context.evaluation));
    return this.head.call(
      outputs.reduce((sum, output) => sum.add(output)),
      Context.evaluation,
    );
  }
}

const model = new Stack();
const x = normal(randomKey(5), [6, 3]);
const how = lora({ rank: 2, alpha: 4 });
const call = (tree: Stack, batch: Tensor): Tensor => tree.call(batch);

/** Adapters that all change an output by the same, times a size for each layer. */
function sized(sizes: readonly number[]): Stack {
  const tuned = adapt(model, { 'layers.*': how, head: train() });
  return sizes.reduce(
    (tree, size, i) =>
      replaceAt(tree, `layers.${i}.weight.parameters`, {
        A: normal(randomKey(7), [2, 3]),
        B: normal(randomKey(8), [3, 2]).mul(size),
      }),
    tuned,
  );
}

test('layers are kept by their share of the squared change, up to the threshold', async () => {
  // Squares: 1, 9, 0.25, 4 of 14.25.
  const options = { batches: [x.mul(1), x.mul(2)], call };
  const { spec, rows } = await loraDrop(sized([1, 3, 0.5, 2]), options);
  expect(rows.map(({ path, isKept }) => [path, isKept])).toEqual([
    ['layers.1', true],
    ['layers.3', true],
    ['layers.0', false],
    ['layers.2', false],
  ]);
  const shares = [9, 4, 1, 0.25].map((square) => square / 14.25);
  for (const [i, row] of rows.entries()) expect(row.importance).toBeCloseTo(shares[i] ?? 0, 4);
  const again = adapt(model, spec);
  const found = describeAdapters(again).rows.map(({ path, method }) => [path, method]);
  expect(Object.fromEntries(found)).toEqual({
    'layers.0.weight': 'sharedLora',
    'layers.1.weight': 'lora',
    'layers.2.weight': 'sharedLora',
    'layers.3.weight': 'lora',
    'head.weight': 'train',
  });
  const [live] = partition(again, isTrainable);
  const count = paths(live).reduce((sum, [, leaf]) => sum + leaf.size, 0);
  expect(count).toBe(3 * 2 * (3 + 3) + 2 * 3);
});

test('the rest may go without, and a threshold of 1 keeps all', async () => {
  const tuned = sized([1, 3, 0.5, 2]);
  const dropped = await loraDrop(tuned, { batches: [x], call, rest: 'drop', threshold: 0.5 });
  expect(Object.keys(dropped.spec)).toEqual(['layers.1', 'head']);
  const all = await loraDrop(tuned, { batches: [x], call, threshold: 1 });
  expect(all.rows.every(({ isKept }) => isKept)).toBe(true);
  expect(String(dropped)).toContain('63.16 %');
});

test('it measures tables and convolutions of any method, inside of a model', async () => {
  const small = new Small();
  const tuned = await trainedForm(
    adapt(small, { '**.{query,value}': loha({ rank: 1 }), words: how, line: how }),
  );
  const { rows } = await loraDrop(tuned, {
    batches: [ids],
    call: (tree, batch) => tree.call(batch),
    rest: 'drop',
  });
  expect(rows).toHaveLength(6);
  expect(rows.reduce((sum, { importance }) => sum + importance, 0)).toBeCloseTo(1, 6);
  expect(rows.every(({ importance }) => importance > 0)).toBe(true);
});

test('what shares is one pair for each shape, and plain LoRA in a file', async () => {
  const tuned = await trainedForm(
    adapt(new Small(), { '**.{query,value,mlp}': sharedLora({ rank: 2 }) }),
  );
  const [live] = partition(tuned, isTrainable);
  expect(paths(live)).toHaveLength(4);
  const plain = convertToLora(tuned);
  await expectClose(plain.call(ids), tuned.call(ids));
  expect(describeAdapters(plain).rows.every(({ method }) => method === 'lora')).toBe(true);
});

test('what has no answer is refused', async () => {
  const options = { batches: [x], call };
  await expect(loraDrop(adapt(model, { 'layers.*': how }), options)).rejects.toThrow(
    refusal('invalid-argument', 'change nothing'),
  );
  await expect(loraDrop(sized([1, 1, 1, 1]), { ...options, threshold: 0 })).rejects.toThrow(
    refusal('invalid-argument', 'threshold'),
  );
  await expect(loraDrop(sized([1, 1, 1, 1]), { ...options, name: 'x' })).rejects.toThrow(
    refusal('no-match'),
  );
  await expect(loraDrop(sized([1, 1, 1, 1]), { ...options, batches: [] })).rejects.toThrow(
    refusal('unsupported', 'no batch'),
  );
  const tuned = await trainedForm(adapt(model, { 'layers.*': loha({ rank: 1 }) }));
  await expect(loraDrop(tuned, { ...options, threshold: 0.1 })).rejects.toThrow(
    refusal('invalid-argument', 'cannot be shared'),
  );
});
