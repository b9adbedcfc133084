import { at, Context, Linear } from '@lorikeet/nn';
import { adapt, decodeAdapter, supertuning } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { abs, grad, randomKey, sub, type Tensor, tensor, zeros } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { goldenModel, goldenPath, readAll } from '../peft/goldenModel.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, type OneLayer, oneLayer, tensorOf, withParameters } from './oneLayer.ts';

const query = 'bert.encoder.layer.0.attention.self.query';

describe.each(['supertuning', 'supertuning-bottom-recomputed', 'supertuning-supra'])(
  'what PEFT gave for %s',
  (name) => {
    test('are the outputs and the gradients', async () => {
      const dir = goldenPath('adapters', 'bert-seqcls', name);
      const file = await openSafetensors(`${dir}/io.safetensors`);
      const io = await readAll(file);
      await file.close();
      const value = (key: string): Tensor => {
        const found = io.get(key);
        if (found === undefined) throw new Error(`the reference has no ${key}`);
        return found;
      };
      const part = at(await loadAdapter(await goldenModel('bert-seqcls'), dir), query);
      if (!(part instanceof Linear)) throw new Error('there is no such layer');
      const tuned: OneLayer = { part };
      await expectClose(part.call(value('x'), Context.evaluation), value('y'));
      const names = [...io.keys()].flatMap((key) =>
        key.startsWith('grad.') && key !== 'grad.x' ? [key.slice('grad.'.length)] : [],
      );
      expect(names.sort()).toEqual(name.endsWith('supra') ? ['A', 'B', 'values'] : ['values']);
      const loss = (x: Tensor, values: Readonly<Record<string, Tensor>>): Tensor =>
        withParameters(tuned, values).part.call(x, Context.evaluation).mul(value('weights')).sum();
      await expectClose(grad((x: Tensor) => loss(x, {}))(value('x')), value('grad.x'));
      for (const parameter of names) {
        const own = tensorOf(tuned, `parameters.${parameter}`);
        const slope = grad((change: Tensor) => loss(value('x'), { [parameter]: change }))(own);
        await expectClose(slope, value(`grad.${parameter}`));
      }
    });
  },
);

const weight = tensor([0, 9, -8, 1, 2, -7], [2, 3]);

test('the largest entries train, or the smallest, in the order of their magnitudes', async () => {
  const model = { part: new Linear(weight, null) };
  const put = (selectTop: boolean): OneLayer =>
    adapt(model, { part: supertuning({ sparsity: 0.5, selectTop }) });
  expect(await numbers(tensorOf(put(true), 'frozen.places'))).toEqual([1, 2, 5]);
  expect(await numbers(tensorOf(put(false), 'frozen.places'))).toEqual([0, 3, 4]);
  const values = tensor([1, 10, 100], [3]);
  const change = changeOf(model, withParameters(put(false), { values }));
  expect(await numbers(change)).toEqual([1, 0, 0, 10, 100, 0]);
});

test('a low-rank product is added, scaled by two unless an alpha says otherwise', async () => {
  const model = { part: new Linear(weight, null) };
  const parameters = {
    values: zeros([3]),
    A: tensor([1, 2, 3], [1, 3]),
    B: tensor([1, -1], [2, 1]),
  };
  const change = (loraAlpha: number | null): Tensor => {
    const tuned = adapt(model, { part: supertuning({ sparsity: 0.5, rank: 1, loraAlpha }) });
    return changeOf(model, withParameters(tuned, parameters));
  };
  await expectClose(change(null), tensor([2, 4, 6, -2, -4, -6], [2, 3]));
  await expectClose(change(5), tensor([5, 10, 15, -5, -10, -15], [2, 3]));
});

test.each([1, 4])('dropout is of the product alone, with %d rows of inputs', async (rows) => {
  const model = { part: new Linear(weight, null) };
  const put = (rank: number | null): OneLayer =>
    adapt(model, { part: supertuning({ sparsity: 0.5, rank, dropout: 0.9, initWeights: false }) });
  const x = tensor([1, 2, 3], [1, 3]).broadcastTo([rows, 3]);
  const training = Context.training(randomKey(4));
  // Four rows are enough for the whole weight to be sooner.
  const alone = put(null).part;
  await expectClose(alone.call(x, training), alone.call(x, Context.evaluation), 0);
  const both = put(2).part;
  const difference = abs(sub(both.call(x, training), both.call(x, Context.evaluation))).sum();
  expect((await numbers(difference))[0]).toBeGreaterThan(0.01);
  const product = withParameters(put(2), { B: zeros([2, 2]) }).part;
  await expectClose(product.call(x, training), product.call(x, Context.evaluation), 0);
});

test('files without places are loaded with those of the weight', async () => {
  const model = oneLayer(5, 6);
  for (const savePrecomputedIndices of [true, false]) {
    const tuned = await trainedForm(
      adapt(model, { part: supertuning({ sparsity: 0.5, rank: 2, savePrecomputedIndices }) }),
    );
    const files = await withConfig(await filesOf(tuned), {});
    const ends = [...files.tensors.entries.keys()]
      .map((key) => key.replace(/.*supertuning_/, ''))
      .sort();
    const places = savePrecomputedIndices ? ['indices'] : [];
    expect(ends).toEqual([...places, 'lora_A.weight', 'lora_B.weight', 'values']);
    await expectClose(
      changeOf(model, await decodeAdapter(model, files)),
      changeOf(model, tuned),
      0,
    );
  }
});

test('no matrix of the size of the weight is made for a few rows, nor by derivatives', () => {
  const { part } = adapt(oneLayer(192, 240), { part: supertuning({ rank: 2 }) });
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
});

test('what PEFT refuses is refused, with the reason', () => {
  for (const sparsity of [-0.1, 1])
    expect(() => supertuning({ sparsity })).toThrow(refusal('invalid-config', 'sparsity'));
  expect(() => supertuning({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => supertuning({ loraAlpha: 2 })).toThrow(
    refusal('invalid-config', 'loraAlpha: needs a rank'),
  );
  expect(() => supertuning({ dropout: 1 })).toThrow(refusal('invalid-config', 'dropout'));
  expect(() => adapt(oneLayer(6, 3), { part: supertuning() })).toThrow(
    refusal('unsupported', 'sparsity 0.99 leaves no entry of a weight of 6 by 3'),
  );
});
