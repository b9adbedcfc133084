import { at, materialize, type Weight } from '@lorikeet/nn';
import { adapt, decodeAdapter, deft, disable, merge } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import { expectFiles, reference, Stack, slopesOf } from './stackModel.ts';

const cases = ['deft-relu', 'deft-qr', 'deft-wide', 'deft-para'];

describe.each(cases)('what PEFT trained as %s', (name) => {
  test('gives the outputs and the merged weights of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    for (const options of [{}, { compat: 'peft' as const }]) {
      const tuned = await loadAdapter(new Stack(io), dir, options);
      await expectClose(tuned.call(value('x')), value('y'));
      const merged = merge(tuned);
      for (const [key, expected] of io) {
        if (!key.startsWith('merged.')) continue;
        const weight = materialize(at(merged, key.slice('merged.'.length)) as Weight);
        await expectClose(weight, expected);
      }
    }
  });

  test('has the gradients of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    const found = slopesOf(tuned, value).map(
      ([path, slope]) => [`grad.${path.replace('weight.parameters.', 'deft_')}`, slope] as const,
    );
    const keys = [...io.keys()].filter((key) => key.startsWith('grad.'));
    expect(found.map(([key]) => key).sort()).toEqual(keys.sort());
    for (const [key, slope] of found) await expectClose(slope, value(key), 1e-4);
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, io } = await reference(name);
    await expectFiles(await loadAdapter(new Stack(io), dir), dir);
  });
});

test('of two at once, each takes away from what is under it, and in PEFT from the weight', async () => {
  const { dir, io, value } = await reference('deft-both');
  const load = async (model: Stack, compat: { readonly compat?: 'peft' }): Promise<Stack> => {
    const one = await loadAdapter(model, `${dir}/first`, { name: 'first', ...compat });
    return loadAdapter(one, `${dir}/second`, { name: 'second', ...compat });
  };
  const asInPeft = await load(new Stack(io), { compat: 'peft' });
  await expectClose(asInPeft.call(value('x')), value('y'));
  await expectClose(merge(asInPeft).call(value('x')), value('y'));
  await expectFiles(disable(asInPeft, 'second'), `${dir}/first`, 'first');
  const below = merge(await loadAdapter(new Stack(io), `${dir}/first`));
  const alone = await loadAdapter(below, `${dir}/second`);
  await expectClose((await load(new Stack(io), {})).call(value('x')), alone.call(value('x')));
});

test('what is taken away and what is put in are as in the formula', async () => {
  const model = oneLayer(2, 2);
  const P = tensor([3, -4], [2, 1]);
  const R = tensor([1, 2], [1, 2]);
  const W = model.part.weight as typeof P;
  const change = (options: Parameters<typeof deft>[0]) =>
    changeOf(
      model,
      withParameters(adapt(model, { part: deft({ rank: 1, ...options }) }), { P, R }),
    );
  // The positive part of P looks at the first output alone.
  const rows = tensor([
    [3, 0],
    [-4, 0],
  ]).reshape([2, 2]);
  const taken = rows.matmul(W).mul(3);
  await expectClose(change({ alpha: 2 }), P.matmul(R).mul(2).sub(taken));
  await expectClose(change({ alpha: 0 }), P.matmul(R).sub(taken));
  const unit = P.div(-5);
  const [along, across] = [unit.matmul(R), unit.matmul(unit.permute([1, 0])).matmul(W)];
  await expectClose(change({ decompositionMethod: 'qr' }), along.sub(across));
});

test('first values put in what is taken away, or as little as asked', async () => {
  const model = oneLayer(40, 30);
  const first = (options: Parameters<typeof deft>[0]) =>
    tensorOf(adapt(model, { part: deft({ initWeights: false, ...options }) }), 'parameters.R');
  await expectClose(first({ initScale: 3 }), first({}).mul(3));
  const spread = Math.sqrt(await first({}).mul(first({})).mean().item());
  expect(Math.abs(spread - 0.02)).toBeLessThan(0.003);
  expect((await numbers(first({ initScale: 0 }))).every((value) => value === 0)).toBe(true);
});

test('no matrix of the size of the weight is made, nor the projection', () => {
  const { part } = adapt(oneLayer(192, 240), { part: deft({ rank: 2 }) });
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 192);
});

test('what PEFT refuses is refused, with the reason', async () => {
  expect(() => deft({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => deft({ dropout: 1 })).toThrow(refusal('invalid-config', 'dropout'));
  const model = oneLayer(3, 4);
  const files = await filesOf(await trainedForm(adapt(model, { part: deft() })));
  await expect(
    decodeAdapter(model, await withConfig(files, { decomposition_method: 'svd' })),
  ).rejects.toThrow(refusal('unsupported', 'decomposition_method'));
  await expect(decodeAdapter(model, await withConfig(files, { para: true }))).rejects.toThrow(
    refusal('unexpected-tensor'),
  );
});
