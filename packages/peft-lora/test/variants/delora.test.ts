import { Linear, materialize } from '@lorikeet/nn';
import { adapt, decodeAdapter, delora, denseOf, updateOf } from '@lorikeet/peft-lora';
import { div, sqrt, square, zeros } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf } from './oneLayer.ts';

const model = oneLayer(5, 4);

test('an update is no larger than lambda, as a share of the columns of the weight', async () => {
  const tuned = await trainedForm(adapt(model, { part: delora({ rank: 3 }) }));
  const columns = sqrt(square(materialize(model.part.weight)).sum(0));
  const share = Math.hypot(...(await numbers(div(changeOf(model, tuned), columns))));
  const lambda = Math.abs(await tensorOf(tuned, 'parameters.lambda').sum().item());
  expect(share).toBeLessThanOrEqual(lambda * (1 + 1e-6));
  expect(share).toBeGreaterThan(0.1 * lambda);
  const { part } = updateOf(tuned).pairs;
  if (part === undefined) throw new Error('there is no update');
  await expectClose(denseOf(part), changeOf(model, tuned), 1e-5);
});

test('the lengths of the columns are those of the weight that it was made for', async () => {
  const tuned = await trainedForm(adapt(model, { part: delora() }));
  const other = { part: new Linear(materialize(model.part.weight).mul(2), null) };
  const moved = await decodeAdapter(other, await withConfig(await filesOf(tuned)));
  await expectClose(changeOf(other, moved), changeOf(model, tuned), 1e-5);
  const own = adapt(other, { part: delora() });
  await expectClose(tensorOf(own, 'frozen.norms'), tensorOf(tuned, 'frozen.norms').mul(2), 1e-6);
});

test('no matrix of the size of the weight is made, nor by derivatives', () => {
  const { part } = adapt(oneLayer(192, 240), { part: delora() });
  // The lengths of the columns are taken once, before a step is compiled.
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
});

test('what PEFT refuses is refused, with the reason', () => {
  expect(() => delora({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => delora({ moduleDropout: 1 })).toThrow(refusal('invalid-config', 'moduleDropout'));
  expect(() => delora({ rankPattern: { query: 0 } })).toThrow(
    refusal('invalid-config', 'rankPattern'),
  );
});
