import { paths } from '@lorikeet/nn';
import { adapt, lora, merge, setAdapterWeights } from '@lorikeet/peft-lora';
import { full, mapTensors } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, refusal, Small, trainablePaths, trainedForm } from './support.ts';

const model = new Small();

describe('a merged model gives the outputs of the adapted one', () => {
  test.each([
    ['linear layers', '**.query', lora({ rank: 2 })],
    ['layers that store [in, out]', '**.mlp', lora({ rank: 3, alpha: 5 })],
    ['embeddings', 'words', lora({ rank: 2 })],
    ['convolutions over one axis', 'line', lora({ rank: 2 })],
    ['convolutions over two axes', 'plane', lora({ rank: 2 })],
    ['biases of their own', '**.{query,mlp}', lora({ rank: 2, loraBias: true })],
    ['trained biases', '**.query', lora({ rank: 2, bias: 'all', loraBias: true })],
    ['rsLoRA', '**', lora({ rank: 4, useRslora: true })],
  ])('with %s', async (_, selector, method) => {
    const tuned = await trainedForm(adapt(model, { [selector]: method }));
    const expected = tuned.call(ids);
    await expectClose(merge(tuned).call(ids), expected, 2e-5);
    await expect(expectClose(model.call(ids), expected, 1e-2)).rejects.toThrow();
  });

  test('with several adapters side by side, each with a share', async () => {
    const first = await trainedForm(adapt(model, { '**.query': lora({ rank: 2 }) }, { name: 'a' }));
    const both = await trainedForm(adapt(first, { '**.{query,out}': lora() }, { name: 'b' }), 8);
    const mixed = setAdapterWeights(both, { a: 0.25, b: -1 });
    await expectClose(merge(mixed).call(ids), mixed.call(ids), 2e-5);
  });
});

describe('merging safely', () => {
  const adapted = trainedForm(adapt(model, { '**.query': lora({ rank: 2 }) }));

  test('gives what merging gives', async () => {
    const tuned = await adapted;
    const safe = await merge(tuned, { safe: true });
    await expectClose(safe.call(ids), merge(tuned).call(ids), 0);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', async (bad) => {
    const tuned = mapTensors(await adapted, (leaf, path) =>
      path.join('.').endsWith('1.query.weight.parameters.B') ? full(leaf.shape, bad) : leaf,
    );
    const before = paths(tuned);
    await expect(merge(tuned, { safe: true })).rejects.toThrow(
      refusal('not-finite', 'encoder.layer.1.query.weight (36 elements)'),
    );
    expect(
      paths(tuned).every(([path, leaf], i) => {
        const [beforePath, beforeLeaf] = before[i] ?? [];
        return path === beforePath && leaf === beforeLeaf;
      }),
    ).toBe(true);
    expect(trainablePaths(tuned)).toHaveLength(4);
  });
});
