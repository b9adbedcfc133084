import { Linear } from '@lorikeet/nn';
import { adapt, decodeAdapter, shira } from '@lorikeet/peft-lora';
import { tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf } from './oneLayer.ts';

test('the entries of largest magnitude are found, in their order', async () => {
  const weight = tensor([0, 9, -8, 1, 2, -7, 3, 0, 6, 5, -5.5, 4], [3, 4]);
  const model = { part: new Linear(weight, null) };
  const tuned = adapt(model, { part: shira({ rank: 1, maskType: 'magnitude' }) });
  // Of 7 entries: 9, -8, -7, 6, 5, -5.5, 4.
  expect(await numbers(tensorOf(tuned, 'frozen.indices'))).toEqual([
    ...[0, 0, 1, 2, 2, 2, 2],
    ...[1, 2, 1, 0, 1, 2, 3],
  ]);
});

test('a file with a choice of its own is read, and written again', async () => {
  const model = oneLayer(5, 6);
  const tuned = await trainedForm(
    adapt(model, { part: shira({ rank: 1, maskType: 'magnitude' }) }),
  );
  const files = await withConfig(await filesOf(tuned), { mask_type: 'my_custom_mask' });
  const loaded = await decodeAdapter(model, files);
  await expectClose(changeOf(model, loaded), changeOf(model, tuned), 0);
  expect((await filesOf(loaded)).config).toMatchObject({ mask_type: 'my_custom_mask' });
});

test('what PEFT refuses is refused, with the reason', () => {
  expect(() => shira({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => shira({ maskType: 'mine' })).toThrow(
    refusal('invalid-config', "shira knows no maskType 'mine'"),
  );
  expect(() => adapt(oneLayer(6, 3), { part: shira({ rank: 3 }) })).toThrow(
    refusal('unsupported', 'more entries than a weight of 6 by 3'),
  );
});
