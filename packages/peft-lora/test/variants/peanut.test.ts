import { Linear } from '@lorikeet/nn';
import { adapt, peanut } from '@lorikeet/peft-lora';
import { tensor, zeros } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf } from '../peft/files.ts';
import { expectClose, refusal } from '../support.ts';
import { changeOf, oneLayer, withParameters } from './oneLayer.ts';

test('a column of the weight decides its own change', async () => {
  const model = { part: new Linear(tensor([1, -1, 2, 3], [2, 2]), null) };
  const tuned = withParameters(adapt(model, { part: peanut({ rank: 1, scaling: 2 }) }), {
    A: tensor([1, 1], [1, 2]),
    B: tensor([1, 10], [2, 1]),
  });
  // The columns add up to 3 and 2; of the negative one, nothing would be left.
  await expectClose(changeOf(model, tuned), tensor([6, 4, 60, 40], [2, 2]));
  const negative = { part: new Linear(tensor([1, -4, 2, 3], [2, 2]), null) };
  const other = adapt(negative, { part: peanut({ rank: 1 }) });
  const parameters = { A: tensor([1, 1], [1, 2]), B: tensor([1, 10], [2, 1]) };
  await expectClose(
    changeOf(negative, withParameters(other, parameters)),
    tensor([3, 0, 30, 0], [2, 2]),
  );
});

test('hidden layers come in pairs, and the last decoder goes around the first encoder', async () => {
  const model = { part: new Linear(tensor([1, 2], [1, 2]), null) };
  const tuned = adapt(model, { part: peanut({ rank: 1, depth: 2, activation: 'linear' }) });
  const one = (value: number) => tensor([value], [1, 1]);
  const filled = withParameters(tuned, {
    ...{ A: one(1), B: one(1) },
    ...{ encoder0: one(2), encoder1: one(3), decoder0: one(5), decoder1: one(7) },
  });
  // h; 2 h; 6 h; 5 * 6 h + 2 h = 32 h; 7 * 32 h + h = 225 h.
  await expectClose(changeOf(model, filled), tensor([225, 450], [1, 2]), 1e-6);
});

test("files have PEFT's keys", async () => {
  const tuned = adapt(oneLayer(3, 2), { part: peanut({ rank: 4, depth: 2 }) });
  const shapes = [...(await filesOf(tuned)).entries].map(([key, { shape }]) => [
    key.replace('base_model.model.part.peanut_', ''),
    shape,
  ]);
  expect(shapes).toEqual([
    ['A.weight', [4, 3]],
    ['encoders.0.weight', [4, 4]],
    ['encoders.1.weight', [4, 4]],
    ['decoders.0.weight', [4, 4]],
    ['decoders.1.weight', [4, 4]],
    ['B.weight', [3, 4]],
  ]);
});

test('no matrix of the size of the weight is made, nor by derivatives', () => {
  const { part } = adapt(oneLayer(192, 240), { part: peanut({ depth: 1 }) });
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
});

test('what PEFT refuses is refused, with the reason', () => {
  expect(() => peanut({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => peanut({ depth: -1 })).toThrow(refusal('invalid-config', 'depth'));
  expect(() => adapt(oneLayer(3, 2), { part: peanut({ activation: 'step' }) })).toThrow(
    refusal('unsupported', "the activation 'step' is not known"),
  );
});
