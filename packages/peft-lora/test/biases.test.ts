import { at, Embedding, Linear, materialize, paths, type Weight } from '@lorikeet/nn';
import {
  adapt,
  beft,
  bitFit,
  disable,
  ia3,
  lnTuning,
  lora,
  merge,
  train,
} from '@lorikeet/peft-lora';
import { normal, randomKey, Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import {
  expectClose,
  ids,
  numbers,
  refusal,
  Small,
  trainablePaths,
  trainedForm,
} from './support.ts';

const model = new Small();
const biases = paths(model).flatMap(([path]) => (path.endsWith('.bias') ? [path] : []));

function weightAt(tree: unknown, path: string): Tensor {
  return materialize(at(tree, path) as Weight);
}

describe('bitFit()', () => {
  test('trains every bias and nothing else', async () => {
    const tuned = adapt(model, bitFit());
    expect(trainablePaths(tuned)).toEqual(biases.map((path) => `${path}.value`));
    await expectClose(tuned.call(ids), model.call(ids), 0);
    const trained = await trainedForm(tuned);
    await expectClose(merge(trained).call(ids), trained.call(ids), 0);
    expect(paths(disable(trained))).toEqual(paths(model));
  });

  test('trains those of chosen modules, beside what else is asked for', () => {
    const tuned = adapt(model, { classifier: train(), ...bitFit('**.{query,classifier}') });
    expect(trainablePaths(tuned)).toEqual([
      'encoder.layer.0.query.bias.value',
      'encoder.layer.1.query.bias.value',
      'classifier.weight.value',
      'classifier.bias.value',
    ]);
  });

  test('after a method has the module, leaves it; before, the method is refused', () => {
    const tuned = adapt(model, { '**.query': lora({ rank: 1 }), ...bitFit() });
    expect(trainablePaths(tuned)).not.toContain('encoder.layer.0.query.bias.value');
    expect(() => adapt(model, { ...bitFit(), '**.query': lora({ rank: 1 }) })).toThrow(
      refusal('invalid-argument', 'encoder.layer.0.query'),
    );
  });
});

describe('a method that changes what a module puts out', () => {
  test('changes the bias, merged and not, and gives it back', async () => {
    const tuned = await trainedForm(adapt(model, { '**.query': ia3() }));
    const path = 'encoder.layer.0.query';
    const scale = weightAt(tuned, `${path}.weight.parameters.scale`);
    const bias = weightAt(merge(tuned), `${path}.bias`);
    await expectClose(bias, weightAt(model, `${path}.bias`).mul(scale.reshape([-1])), 1e-6);
    await expectClose(merge(tuned).call(ids), tuned.call(ids), 1e-5);
    await expectClose((await merge(tuned, { safe: true })).call(ids), tuned.call(ids), 1e-5);
    expect(at(disable(tuned), `${path}.bias`)).toBe(at(model, `${path}.bias`));
  });

  test('does so under and over others', async () => {
    const first = await trainedForm(adapt(model, { '**.query': ia3() }), 4);
    for (const how of [lora({ rank: 1 }), beft(), ia3()]) {
      const second = await trainedForm(adapt(first, { '**.query': how }, { name: 'second' }), 5);
      await expectClose(merge(second).call(ids), second.call(ids), 1e-5);
    }
    const trained = adapt(first, { '**.query': train() }, { name: 'second' });
    await expectClose(trained.call(ids), first.call(ids), 1e-6);
    await expectClose(merge(trained).call(ids), first.call(ids), 1e-5);
  });

  test('has no adapter of the bias over it', () => {
    const tuned = adapt(model, { '**.query': ia3() });
    const over = lora({ loraBias: true });
    expect(() => adapt(tuned, { '**.query': over }, { name: 'second' })).toThrow(
      refusal('unsupported', 'merge the adapter below it first'),
    );
  });

  test('names a bias that is not finite when it is merged safely', async () => {
    const query = new Linear(normal(randomKey(1), [2, 2]), normal(randomKey(2), [2]).div(0));
    const broken = adapt({ block: { query } }, { '**.query': ia3() });
    await expect(merge(broken, { safe: true })).rejects.toThrow(
      refusal('not-finite', 'block.query.bias (2 elements)'),
    );
  });
});

test('beft gives a module without a bias one', async () => {
  const plain = { block: { value: new Linear(normal(randomKey(1), [3, 2]), null) } };
  const tuned = await trainedForm(adapt(plain, { '**.value': beft() }));
  const merged = merge(tuned);
  expect(plain.block.value.bias).toBeNull();
  expect(merged.block.value.bias).toBeInstanceOf(Tensor);
  const change = weightAt(tuned, 'block.value.weight.parameters.change');
  expect(await numbers(weightAt(merged, 'block.value.bias'))).toEqual(await numbers(change));
});

describe('normalisations', () => {
  test('are found by the methods that are made for them, and by no other', () => {
    const norms = ['encoder.layer.0.norm', 'encoder.layer.1.norm'];
    expect(trainablePaths(adapt(model, { '**.norm': lnTuning() }))).toEqual(
      norms.flatMap((path) => [
        `${path}.weight.parameters.weight`,
        `${path}.weight.parameters.bias`,
      ]),
    );
    expect(trainablePaths(adapt(model, { 'encoder.**': lora({ rank: 1 }) }).encoder)).not.toContain(
      'layer.0.norm.weight.parameters.A',
    );
    expect(() => adapt(model, { '**.norm': lora() })).toThrow(refusal('no-match'));
    expect(() => adapt(model, { '**.query': lnTuning() })).toThrow(
      refusal('unsupported', "lnTuning cannot adapt a weight of kind 'linear'"),
    );
  });
});

test('ia3 is refused for a table of rows', () => {
  const table = { words: { table: new Embedding(normal(randomKey(1), [3, 2])) } };
  expect(() => adapt(table, { '**.table': ia3() })).toThrow(refusal('unsupported', 'words.table'));
});
