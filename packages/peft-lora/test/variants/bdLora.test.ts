import { Linear } from '@lorikeet/nn';
import {
  adapt,
  bdLora,
  convertToLora,
  decodeAdapter,
  decodeWithoutBase,
  encodeAdapter,
  readPeftKeys,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { max, min, tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import {
  expectFiles,
  expectMerged,
  randomStack,
  reference,
  Stack,
  slopesOf,
} from './stackModel.ts';

describe.each(['bdlora', 'bdlora-parts', 'bdlora-bias'])('what PEFT trained as %s', (name) => {
  test('gives the outputs and the merged weights of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    await expectClose(tuned.call(value('x')), value('y'));
    await expectMerged(tuned, io);
  });

  test('has the gradients of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    const found = slopesOf(tuned, value).map(([path, slope]) => {
      const key = path
        .replace(/weight\.parameters\.(A|B)$/, 'lora_$1.weight')
        .replace('bias.parameters.bias', 'lora_B.bias');
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

const alone = { targetModulesBdA: ['part'], nblocks: 2 };

test('blocks of A see their own inputs, and those of B their own features', async () => {
  const model = { part: new Linear(zeros([4, 4]), null) };
  const change = (
    useBdlora: Parameters<typeof bdLora>[0]['useBdlora'],
    A: readonly number[],
    B: readonly number[],
  ): ReturnType<typeof changeOf> =>
    changeOf(
      model,
      withParameters(adapt(model, { part: bdLora({ rank: 2, alpha: 4, useBdlora }) }), {
        A: tensor(A, [2, A.length / 2]),
        B: tensor(B, [4, B.length / 4]),
      }),
    );
  // A is [[1, 2, 0, 0], [0, 0, 3, 4]].
  await expectClose(
    change(alone, [1, 2, 3, 4], [1, 0, 0, 1, 1, 1, 0, 0]),
    tensor([2, 4, 0, 0, 0, 0, 6, 8, 2, 4, 6, 8, 0, 0, 0, 0], [4, 4]),
  );
  // B is [[1, 0], [2, 0], [0, 3], [0, 4]].
  await expectClose(
    change({ targetModulesBdB: ['part'], nblocks: 2 }, [1, 0, 0, 0, 0, 1, 0, 0], [1, 2, 3, 4]),
    tensor([2, 0, 0, 0, 4, 0, 0, 0, 0, 6, 0, 0, 0, 8, 0, 0], [4, 4]),
  );
});

test('first values of blocks of A spread as in PEFT, by the inputs of a block', async () => {
  const tuned = adapt(oneLayer(8, 96), { part: bdLora({ rank: 32, useBdlora: alone }) });
  const A = tensorOf(tuned, 'parameters.A');
  expect(A.shape).toEqual([32, 48]);
  const bound = Math.sqrt(6 / 48);
  for (const end of [await max(A).item(), -(await min(A).item())]) {
    expect(end).toBeGreaterThan(0.98 * bound);
    expect(end).toBeLessThanOrEqual(bound);
  }
});

test('as LoRA it is exact, with its own rank and the zeros', async () => {
  const model = oneLayer(6, 8);
  for (const useBdlora of [alone, { targetModulesBdB: ['part'], nblocks: 2 }]) {
    const tuned = await trainedForm(adapt(model, { part: bdLora({ rank: 2, useBdlora }) }));
    const asLora = convertToLora(tuned);
    expect(tensorOf(asLora, 'parameters.A').shape).toEqual([2, 8]);
    expect(tensorOf(asLora, 'parameters.B').shape).toEqual([6, 2]);
    await expectClose(changeOf(model, asLora), changeOf(model, tuned), 1e-5);
  }
});

test('neither the weight nor a factor with its zeros is made', () => {
  // A with zeros has 32 * 240 elements and in blocks 32 * 60; B has 24 * 32.
  const useBdlora = { targetModulesBdA: ['part'], nblocks: 4 };
  const { part } = adapt(oneLayer(24, 240), { part: bdLora({ rank: 32, useBdlora }) });
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(24 * 240);
});

test('what PEFT refuses is refused, with the reason', async () => {
  const both = { targetModulesBdA: ['q', 'v'], targetModulesBdB: ['v'] };
  expect(() => bdLora({ useBdlora: both })).toThrow(refusal('invalid-config', 'not both'));
  expect(() => bdLora({ useBdlora: { nblocks: 0 } })).toThrow(refusal('invalid-config', 'nblocks'));
  const model = oneLayer(3, 8);
  const put = (options: Parameters<typeof bdLora>[0]): unknown =>
    adapt(model, { part: bdLora(options) });
  expect(() => put({ useBdlora: {} })).toThrow(refusal('unsupported', 'matchStrict'));
  expect(() => put({ rank: 3, useBdlora: alone })).toThrow(refusal('unsupported', 'the rank 3'));
  expect(() => put({ rank: 2, useBdlora: { targetModulesBdB: ['part'], nblocks: 2 } })).toThrow(
    refusal('unsupported', '3 outputs'),
  );
  expect(() => put({ loraBias: true, useBdlora: { targetModulesBdB: ['part'] } })).toThrow(
    refusal('unsupported', 'loraBias'),
  );
  const overlapping = { targetModulesBdA: ['q'], targetModulesBdB: ['stack'] };
  expect(() => adapt(randomStack(), { '**.q': bdLora({ useBdlora: overlapping }) })).toThrow(
    refusal('unsupported', 'both targetModulesBdA and targetModulesBdB'),
  );
  const files = await filesOf(
    await trainedForm(adapt(model, { part: bdLora({ rank: 2, useBdlora: alone }) })),
  );
  for (const [key, value] of [
    ['use_dora', true],
    ['init_lora_weights', 'pissa'],
    ['use_qalora', true],
    ['velora_config', { rank: 1 }],
  ] as const)
    await expect(decodeAdapter(model, await withConfig(files, { [key]: value }))).rejects.toThrow(
      refusal('unsupported', key),
    );
  for (const value of [true, { targetModulesBdA: ['part'] }, { blocks: 2 }])
    await expect(
      decodeAdapter(model, await withConfig(files, { use_bdlora: value })),
    ).rejects.toThrow(refusal('invalid-config', 'useBdlora'));
});

test('files, keys and trees that cannot say what it is refuse it', async () => {
  const model = oneLayer(4, 8);
  const tuned = await trainedForm(adapt(model, { part: bdLora({ rank: 2, useBdlora: alone }) }));
  expect(() => readPeftKeys(encodeAdapter(tuned))).toThrow(refusal('unsupported', 'use_bdlora'));
  await expect(decodeWithoutBase(await withConfig(await filesOf(tuned)))).rejects.toThrow(
    refusal('unsupported', 'do not tell the sizes'),
  );
  const waiting = adapt(model, {
    part: bdLora({ rank: 2, useBdlora: alone, invocationTokens: [1] }),
  });
  expect(() => encodeAdapter(waiting)).toThrow(refusal('unsupported', 'alora_invocation_tokens'));
});
