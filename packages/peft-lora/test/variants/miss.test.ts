import { adapt, type MissOptions, miss } from '@lorikeet/peft-lora';
import { normal, randomKey, tensor } from '@lorikeet/tensor-core';
import { test } from 'vitest';
import { expectClose } from '../support.ts';
import { changeOf, oneLayer, withParameters } from './oneLayer.ts';

const mini: MissOptions = { initWeights: 'mini', miniRank: 2 };

test.each<[string, number, number, MissOptions]>([
  ['once', 24, 24, {}],
  ['block by block', 200, 400, {}],
  ['many blocks at a time', 8, 384, {}],
  ['all blocks at a time', 4, 24, {}],
  ['and cut at the end', 8, 387, {}],
  ['along the outputs, too', 4, 256, mini],
])('the block is repeated along the inputs: %s', async (_, rank, inputs, options) => {
  const model = oneLayer(6, inputs);
  const width = options.miniRank ?? 6;
  const block = normal(randomKey(3), [rank, width]);
  const tuned = withParameters(adapt(model, { part: miss({ rank, ...options }) }), { block });
  const values = await block.data();
  const expected = Array.from({ length: 6 * inputs }, (__, i) => {
    const [output, input] = [Math.floor(i / inputs), i % inputs];
    return Number(values[(input % rank) * width + (output % width)]);
  });
  await expectClose(changeOf(model, tuned), tensor(expected, [6, inputs]), 1e-6);
});
