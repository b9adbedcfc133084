import { Context, Conv1D, combine, Linear, materialize, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterPenalty,
  convertToLora,
  decodeAdapter,
  decodeWithoutBase,
  disable,
  encodeAdapter,
  isTrainable,
  kasa,
  merge,
  readPeftKeys,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import {
  evaluate,
  eye,
  grad,
  normal,
  randomKey,
  svd,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import { expectFiles, expectMerged, reference, Stack, slopesOf } from './stackModel.ts';

/** Where PEFT has a parameter of ours. */
function keyOf(path: string): string {
  const names = [
    ['weight.parameters.diagonal', 'lora_diag'],
    ['weight.parameters.A', 'lora_A.weight'],
    ['weight.parameters.B', 'lora_B.weight'],
    ['bias.parameters.bias', 'lora_B.bias'],
  ] as const;
  return names.reduce((key, [own, its]) => key.replace(own, its), path);
}

describe.each(['kasa', 'kasa-bias'])('what PEFT trained as %s', (name) => {
  test('gives the outputs and the merged weights of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    await expectClose(tuned.call(value('x')), value('y'));
    await expectMerged(tuned, io);
    expect(disable(tuned)).toEqual(new Stack(io));
  });

  test('has the gradients of PEFT, of its output and of its penalty', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    const [live, frozen] = partition(tuned, isTrainable);
    const ofPenalty = (part: typeof live): Tensor => adapterPenalty(combine(part, frozen));
    await expectClose(ofPenalty(live), value('penalty'));
    for (const [start, slopes] of [
      ['grad', slopesOf(tuned, value)],
      ['slope', paths(grad(ofPenalty)(live))],
    ] as const) {
      const found = slopes.map(([path, slope]) => [`${start}.${keyOf(path)}`, slope] as const);
      const keys = [...io.keys()].filter((key) => key.startsWith(`${start}.`));
      expect(found.map(([key]) => key).sort()).toEqual(keys.sort());
      for (const [key, slope] of found) await expectClose(slope, value(key), 1e-4);
    }
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, io } = await reference(name);
    await expectFiles(await loadAdapter(new Stack(io), dir), dir);
  });
});

test('the smallest singular values are missing, and what trains is added', async () => {
  const weight = tensor([3, 0, 0, 0, 0, 1, 0, -2, 0], [3, 3]);
  const model = { part: new Linear(weight, null) };
  const tuned = adapt(model, { part: kasa({ rank: 1, alpha: 5 }) });
  await expectClose(changeOf(model, tuned), tensor([0, 0, 0, 0, 0, -1, 0, 0, 0], [3, 3]));
  const trained = withParameters(tuned, {
    A: tensor([1, 2, 3], [1, 3]),
    B: tensor([1, 0, -1], [3, 1]),
    diagonal: tensor([2], [1]),
  });
  const update = tensor([10, 20, 30, 0, 0, -1, -10, -20, -30], [3, 3]);
  await expectClose(changeOf(model, trained), update);
});

test('dropout is of the update alone: what is taken away is missed by all of the input', async () => {
  const tuned = adapt(oneLayer(5, 6), { part: kasa({ rank: 2, dropout: 0.9 }) });
  const x = normal(randomKey(2), [4, 6]);
  const training = Context.training(randomKey(4));
  await expectClose(tuned.part.call(x, training), tuned.part.call(x, Context.evaluation), 0);
});

test('layers that keep their weight as GPT-2 does are adapted too, as PEFT does not', async () => {
  const weight = normal(randomKey(1), [6, 5]);
  const model = { part: new Conv1D(weight, zeros([5])) };
  const tuned = adapt(model, { part: kasa({ rank: 2 }) });
  const { s } = svd(materialize(merge(tuned).part.weight));
  const before = await numbers(svd(weight).s);
  await expectClose(s, tensor([...before.slice(0, 3), 0, 0], [5]));
});

test('orthonormal factors are asked for nothing, and their derivative is a number', async () => {
  const tuned = withParameters(
    adapt(oneLayer(4, 3), { part: kasa({ rank: 2, kasaConfig: { beta: 0.5 } }) }),
    { A: eye(2, 3), B: eye(4, 2), diagonal: tensor([1, -3], [2]) },
  );
  const [live, frozen] = partition(tuned, isTrainable);
  const penalty = (part: typeof live): Tensor => adapterPenalty(combine(part, frozen));
  await expectClose(penalty(live), tensor([5], []));
  for (const [path, slope] of paths(grad(penalty)(live)))
    expect(await numbers(slope)).toEqual(
      path.endsWith('diagonal') ? [1, -3] : Array.from({ length: slope.size }, () => 0),
    );
});

test('as LoRA it is exact, with what is taken away in twice the rank', async () => {
  const model = oneLayer(6, 5);
  const tuned = await trainedForm(adapt(model, { part: kasa({ rank: 2 }) }));
  const lora = convertToLora(tuned);
  expect(tensorOf(lora, 'parameters.A').shape).toEqual([4, 5]);
  await expectClose(changeOf(model, lora), changeOf(model, tuned), 1e-5);
});

test('no matrix of the size of the weight is made, nor by derivatives', async () => {
  const { part } = await evaluate(adapt(oneLayer(192, 240), { part: kasa({ rank: 2 }) }));
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
});

test('what PEFT refuses is refused, with the reason', async () => {
  expect(() => kasa({ kasaConfig: { beta: -1 } })).toThrow(refusal('invalid-config', 'beta'));
  expect(() => kasa({ kasaConfig: { gamma: -1 } })).toThrow(refusal('invalid-config', 'gamma'));
  expect(() => kasa({ loraBias: true, initLoraWeights: 'gaussian' })).toThrow(
    refusal('invalid-config', 'loraBias'),
  );
  const model = oneLayer(3, 4);
  expect(() => adapt(model, { part: kasa({ rank: 3 }) })).toThrow(
    refusal('unsupported', 'below 3'),
  );
  const tuned = await trainedForm(adapt(model, { part: kasa({ rank: 2 }) }));
  const files = await filesOf(tuned);
  for (const [key, value] of [
    ['use_dora', true],
    ['init_lora_weights', 'mica'],
    ['init_lora_weights', 'pissa'],
    ['use_qalora', true],
    ['velora_config', { rank: 1 }],
  ] as const)
    await expect(decodeAdapter(model, await withConfig(files, { [key]: value }))).rejects.toThrow(
      refusal('unsupported', key),
    );
  await expect(
    decodeAdapter(model, await withConfig(files, { use_bdlora: { nblocks: 2 } })),
  ).rejects.toThrow(refusal('unsupported', 'bdLora with kasa_config'));
  await expect(
    decodeAdapter(model, await withConfig(files, { kasa_config: { delta: 1 } })),
  ).rejects.toThrow(refusal('invalid-config', 'delta'));
});

test('files, keys and trees that cannot say what it is refuse it', async () => {
  const model = oneLayer(3, 4);
  const tuned = await trainedForm(adapt(model, { part: kasa({ rank: 2 }) }));
  expect(() => readPeftKeys(encodeAdapter(tuned))).toThrow(refusal('unsupported', 'kasa_config'));
  const files = await withConfig(await filesOf(tuned));
  await expect(decodeWithoutBase(files)).rejects.toThrow(refusal('unsupported', 'base model'));
  const waiting = adapt(model, { part: kasa({ rank: 2, invocationTokens: [1] }) });
  expect(() => encodeAdapter(waiting)).toThrow(refusal('unsupported', 'alora_invocation_tokens'));
});
