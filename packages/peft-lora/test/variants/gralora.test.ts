import { adapt, denseOf, gralora, updateOf } from '@lorikeet/peft-lora';
import { tensor, zeros } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { expectClose, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, withParameters } from './oneLayer.ts';

test('each block of the grid is a product of its own', async () => {
  const model = oneLayer(4, 2);
  const tuned = adapt(model, { part: gralora({ rank: 2, blockCount: 2, alpha: 2 }) });
  // Of each block of inputs, rank 0 goes to outputs 0 and 1, and rank 1 to the others.
  const filled = withParameters(tuned, {
    A: tensor([1, 2, 3, 4], [2, 1, 2]),
    B: tensor([1, 10, 100, 1000, 1, 0, 0, 1], [2, 2, 2]),
  });
  const expected = tensor([1, 300, 10, 3000, 2, 0, 0, 4], [4, 2]);
  await expectClose(changeOf(model, filled), expected, 1e-6);
});

test('the blocks and the plain product beside them are one thin product', async () => {
  const model = oneLayer(6, 8);
  const how = gralora({ rank: 2, blockCount: 2, hybridRank: 1, alpha: 3 });
  const tuned = await trainedForm(adapt(model, { part: how }));
  const { part } = updateOf(tuned).pairs;
  if (part === undefined) throw new Error('there is no update');
  expect(part.left.shape).toEqual([6, 5]);
  await expectClose(denseOf(part), changeOf(model, tuned), 1e-5);
});

test('no matrix of the size of the weight is made, nor by derivatives', () => {
  for (const hybridRank of [0, 4]) {
    const how = gralora({ rank: 8, blockCount: 4, hybridRank });
    const { part } = adapt(oneLayer(192, 240), { part: how });
    expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
  }
});

test('what PEFT refuses is refused, with the reason', () => {
  expect(() => gralora({ rank: 3 })).toThrow(refusal('invalid-config', 'must divide it'));
  expect(() => gralora({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => gralora({ blockCount: 0 })).toThrow(refusal('invalid-config', 'blockCount'));
  expect(() => gralora({ hybridRank: -1 })).toThrow(refusal('invalid-config', 'hybridRank'));
  expect(() => gralora({ dropout: 1 })).toThrow(refusal('invalid-config', 'dropout'));
  expect(() => adapt(oneLayer(4, 3), { part: gralora() })).toThrow(
    refusal('unsupported', 'a grid of 2 by 2 does not divide a weight of 4 by 3'),
  );
});
