import { Context, Linear, materialize } from '@lorikeet/nn';
import { adapt, glora, merge } from '@lorikeet/peft-lora';
import {
  matmul,
  normal,
  randomKey,
  swapAxes,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf } from '../peft/files.ts';
import { expectClose, refusal, trainedForm } from '../support.ts';
import { oneLayer, tensorOf, withParameters } from './oneLayer.ts';

const weight = normal(randomKey(1), [3, 2]);
const bias = normal(randomKey(2), [3]);
const model = { part: new Linear(weight, bias) };

test('the five terms go where the paper has them', async () => {
  const how = glora({ configAB: 'vector', configC: 'vector', configDE: 'vector' });
  const [A, B] = [tensor([1, 2, 3], [3, 1]), tensor([4, 5, 6], [3, 1])];
  const [C, D, E] = [tensor([7, 8], [2, 1]), tensor([1, 0, 2], [3]), tensor([5, 6, 7], [3])];
  const tuned = withParameters(adapt(model, { part: how }), { A, B, C, D, E });
  const merged = merge(tuned).part;
  await expectClose(materialize(merged.weight), weight.mul(A.add(1)).add(B));
  const shift = matmul(weight, C).reshape([3]);
  await expectClose(materialize(merged.bias as Tensor), bias.mul(D.add(1)).add(E).add(shift));
  const x = normal(randomKey(3), [4, 2]);
  await expectClose(tuned.part.call(x, Context.evaluation), merged.call(x, Context.evaluation));
});

test('low-rank terms are products', async () => {
  const tuned = await trainedForm(adapt(model, { part: glora({ rank: 2 }) }));
  const term = (name: string): Tensor =>
    matmul(tensorOf(tuned, `parameters.left${name}`), tensorOf(tuned, `parameters.right${name}`));
  const merged = merge(tuned).part;
  await expectClose(materialize(merged.weight), weight.mul(term('A').add(1)).add(term('B')));
  const [D, E] = [tensorOf(tuned, 'parameters.D'), tensorOf(tuned, 'parameters.E')];
  const shift = swapAxes(matmul(weight, term('C'))).reshape([3]);
  await expectClose(materialize(merged.bias as Tensor), bias.mul(D.add(1)).add(E).add(shift));
});

test("files have PEFT's keys, and zeros for what is not there", async () => {
  const shapesOf = async (tuned: unknown): Promise<unknown[]> =>
    [...(await filesOf(tuned)).entries].map(([key, { shape }]) => [
      key.replace('base_model.model.part.', ''),
      shape,
    ]);
  expect(await shapesOf(adapt(oneLayer(3, 2), { part: glora({ rank: 4 }) }))).toEqual([
    ['glora_A.Xd', [3, 4]],
    ['glora_A.Xu', [4, 2]],
    ['glora_B.Xd', [3, 4]],
    ['glora_B.Xu', [4, 2]],
    ['glora_C.zeros', [2, 1]],
    ['glora_D.zeros', [3]],
    ['glora_E.zeros', [3]],
  ]);
  const how = glora({ rank: 4, configAB: 'constant', configDE: 'vector' });
  expect(await shapesOf(adapt(model, { part: how }))).toEqual([
    ['glora_A.X', [1]],
    ['glora_B.X', [1]],
    ['glora_C.Xd', [2, 4]],
    ['glora_C.Xu', [4, 1]],
    ['glora_D.X', [3]],
    ['glora_E.X', [3]],
  ]);
});

test('with numbers in place of products no matrix is made, nor by derivatives', () => {
  for (const configAB of ['vector', 'constant'] as const) {
    const { part } = adapt(oneLayer(192, 240), { part: glora({ configAB }) });
    expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
  }
});

test('what PEFT refuses is refused, and what would train nothing', async () => {
  expect(() => glora({ configAB: 'full' as 'lora' })).toThrow(
    refusal('invalid-config', 'configAB'),
  );
  expect(() => glora({ configC: 'constant' as 'lora' })).toThrow(
    refusal('invalid-config', 'configC'),
  );
  expect(() => glora({ configDE: 'lora' as 'vector' })).toThrow(
    refusal('invalid-config', 'configDE'),
  );
  expect(() => glora({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  const onlyBias = glora({ configAB: 'none' });
  expect(() => adapt(oneLayer(3, 2), { part: onlyBias })).toThrow(
    refusal('unsupported', 'nothing trains of a weight without a bias'),
  );
  const tuned = await trainedForm(adapt(model, { part: onlyBias }));
  await expectClose(materialize(merge(tuned).part.weight), weight, 0);
});
