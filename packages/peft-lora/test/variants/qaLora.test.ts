import { Context, Conv1D, Linear, quantizeWeights } from '@lorikeet/nn';
import {
  adapt,
  convertToLora,
  decodeAdapter,
  decodeWithoutBase,
  encodeAdapter,
  lora,
  merge,
  qaLora,
  readPeftKeys,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { normal, randomKey, tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import { expectFiles, reference, Stack, slopesOf } from './stackModel.ts';

describe.each(['qalora', 'qalora-patterns'])('what PEFT trained as %s', (name) => {
  test('gives the outputs of PEFT, merged too, which PEFT cannot', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    await expectClose(tuned.call(value('x')), value('y'));
    await expectClose(merge(tuned).call(value('x')), value('y'));
  });

  test('has the gradients of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    const found = slopesOf(tuned, value).map(([path, slope]) => {
      const key = path.replace(/weight\.parameters\.(A|B)$/, 'lora_$1.weight');
      return [`grad.${key}`, slope] as const;
    });
    const keys = [...io.keys()].filter((key) => key.startsWith('grad.'));
    expect(found.map(([key]) => key).sort()).toEqual(keys.sort());
    for (const [key, slope] of found) await expectClose(slope, value(key), 1e-4);
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, io } = await reference(name);
    await expectFiles(await loadAdapter(new Stack(io), dir), dir);
  });
});

test('inputs of a group count alike, and by the number of groups over their size', async () => {
  const model = { part: new Linear(zeros([2, 6]), null) };
  const tuned = withParameters(
    adapt(model, { part: qaLora({ rank: 1, alpha: 2, qaloraGroupSize: 2 }) }),
    { A: tensor([2, 4, 6], [1, 3]), B: tensor([1, -1], [2, 1]) },
  );
  const row = [2, 2, 4, 4, 6, 6].map((value) => 2 * (3 / 2) * value);
  await expectClose(
    changeOf(model, tuned),
    tensor([...row, ...row.map((value) => -value)], [2, 6]),
  );
});

test('merged into a quantised base, it stays within half a step of each block', async () => {
  const plain = { part: new Linear(normal(randomKey(1), [8, 16]), null) };
  const model = quantizeWeights(plain, { part: { dtype: 'u4', blockSize: 4, symmetric: false } });
  const tuned = await trainedForm(adapt(model, { part: qaLora({ rank: 2, qaloraGroupSize: 4 }) }));
  const { report } = await merge(tuned, { quantised: 'requantise', report: true });
  expect(
    report.rows.map(({ path, isQuantised, isWithinBound }) => [path, isQuantised, isWithinBound]),
  ).toEqual([['part.weight', true, true]]);
});

test('layers that keep their weight as GPT-2 does have groups of inputs too', async () => {
  const model = { part: new Conv1D(zeros([4, 3]), zeros([3])) };
  const tuned = await trainedForm(adapt(model, { part: qaLora({ rank: 1, qaloraGroupSize: 2 }) }));
  const output = (x: readonly number[]): ReturnType<Conv1D['call']> =>
    tuned.part.call(tensor(x, [1, 4]), Context.evaluation);
  await expectClose(output([5, 0, 0, 0]), output([2, 3, 0, 0]));
  await expectClose(output([0, 0, 0, 7]), output([0, 0, 7, 0]));
});

test('as LoRA it is exact, with its own rank', async () => {
  const model = oneLayer(6, 8);
  const tuned = await trainedForm(adapt(model, { part: qaLora({ rank: 2, qaloraGroupSize: 4 }) }));
  const asLora = convertToLora(tuned);
  expect(tensorOf(asLora, 'parameters.A').shape).toEqual([2, 8]);
  await expectClose(changeOf(model, asLora), changeOf(model, tuned), 1e-5);
});

test('neither the weight nor A of all inputs is made', () => {
  // A of all inputs has 16 * 480 elements, A of groups 16 * 30, B 16 * 40, and the inputs 2 * 480.
  const { part } = adapt(oneLayer(40, 480), { part: qaLora({ rank: 16 }) });
  expect(largestResult(part, zeros([2, 480]))).toBeLessThan(16 * 480);
});

test('what PEFT refuses is refused, with the reason', async () => {
  expect(() => qaLora({ qaloraGroupSize: 0 })).toThrow(
    refusal('invalid-config', 'qaloraGroupSize'),
  );
  const model = oneLayer(3, 8);
  expect(() => adapt(model, { part: qaLora({ qaloraGroupSize: 3 }) })).toThrow(
    refusal('unsupported', '8 inputs do not divide into groups of 3'),
  );
  const tuned = await trainedForm(adapt(model, { part: qaLora({ rank: 2, qaloraGroupSize: 4 }) }));
  const files = await filesOf(tuned);
  for (const [key, value] of [
    ['use_dora', true],
    ['lora_bias', true],
    ['init_lora_weights', 'pissa'],
    ['kasa_config', { beta: 1 }],
    ['velora_config', { rank: 1 }],
  ] as const)
    await expect(decodeAdapter(model, await withConfig(files, { [key]: value }))).rejects.toThrow(
      refusal('unsupported'),
    );
});

test('what PEFT wrote for a layer that is not in GPTQ, and so without groups, is refused', async () => {
  const model = oneLayer(3, 8);
  const files = await filesOf(adapt(model, { part: lora({ rank: 2 }) }));
  const ignored = { use_qalora: true, qalora_group_size: 4 };
  await expect(decodeAdapter(model, await withConfig(files, ignored))).rejects.toThrow(
    refusal('shape-mismatch', '[2,2]'),
  );
});

test('files, keys and trees that cannot say what it is refuse it', async () => {
  const how = { rank: 2, qaloraGroupSize: 4 };
  const model = oneLayer(3, 16);
  const tuned = await trainedForm(adapt(model, { part: qaLora(how) }));
  expect(() => readPeftKeys(encodeAdapter(tuned))).toThrow(refusal('unsupported', 'use_qalora'));
  await expect(decodeWithoutBase(await withConfig(await filesOf(tuned)))).rejects.toThrow(
    refusal('unsupported', 'do not tell the sizes'),
  );
  const waiting = adapt(model, { part: qaLora({ ...how, invocationTokens: [1] }) });
  expect(() => encodeAdapter(waiting)).toThrow(refusal('unsupported', 'alora_invocation_tokens'));
});
