import {
  AdaptedWeight,
  adamss,
  adapt,
  adapterLayers,
  bdLora,
  boft,
  c3a,
  convertToLora,
  delora,
  denseOf,
  fourierft,
  frod,
  gralora,
  hira,
  hra,
  ia3,
  kasa,
  lnTuning,
  loha,
  lokr,
  lowRankOf,
  merge,
  miss,
  monteclora,
  oft,
  osf,
  psoft,
  qaLora,
  randlora,
  rankOf,
  road,
  shira,
  supertuning,
  tinylora,
  vblora,
  velora,
  vera,
  waveft,
} from '@lorikeet/peft-lora';
import { svd } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from '../support.ts';
import { changeOf, oneLayer } from '../variants/oneLayer.ts';

const model = oneLayer(24, 16);

const thin = [
  ['vera', vera({ rank: 3 }), 3],
  ['vblora', vblora({ rank: 2, numVectors: 5, vectorLength: 4 }), 2],
  ['tinylora', tinylora({ rank: 2 }), 2],
  ['miss', miss({ rank: 5 }), 5],
  ['miss mini', miss({ rank: 5, initWeights: 'mini', miniRank: 3 }), 5],
  ['loha', loha({ rank: 2 }), 4],
  ['lokr', lokr({ rank: 1, decomposeFactor: 2 }), 2],
  ['gralora', gralora({ rank: 2, hybridRank: 1 }), 5],
  ['delora', delora({ rank: 3 }), 3],
  ['psoft', psoft({ rank: 3 }), 3],
  ['kasa', kasa({ rank: 2 }), 4],
  ['bdLora', bdLora({ rank: 2, useBdlora: { targetModulesBdA: ['part'], nblocks: 2 } }), 2],
  ['qaLora', qaLora({ rank: 2, qaloraGroupSize: 4 }), 2],
  ['velora', velora({ rank: 2 }), 2],
  ['monteclora', monteclora({ rank: 2 }), 2],
  ['osf', osf({ effectiveRank: 14 }), 4],
  ['adamss', adamss({ rank: 6, numSubspaces: 3 }), 3],
] as const;

describe.each(thin)('%s as LoRA', (_, how, rank) => {
  test('is the same, with its own rank', async () => {
    const tuned = await trainedForm(adapt(model, { part: how as (typeof thin)[0][1] }));
    const [{ layer } = { layer: undefined }] = adapterLayers(tuned);
    const pair = layer instanceof AdaptedWeight ? lowRankOf(layer) : undefined;
    if (pair === undefined) throw new Error('there is no pair');
    expect(rankOf(pair)).toBe(rank);
    await expectClose(denseOf(pair), changeOf(model, tuned), 1e-5);
    await expectClose(changeOf(model, convertToLora(tuned)), changeOf(model, tuned), 1e-5);
    const { model: near, rows } = await convertToLora(tuned, { energy: 1 });
    await expectClose(changeOf(model, near), changeOf(model, tuned), 1e-5);
    expect(rows[0]?.rank).toBeLessThanOrEqual(rank);
  });
});

const dense = [
  ['c3a', c3a({ blockSize: 8 })],
  ['randlora', randlora({ rank: 3 })],
  ['fourierft', fourierft({ frequencies: 40 })],
  ['frod', frod()],
  ['waveft', waveft({ frequencies: 40 })],
  ['shira', shira({ rank: 1 })],
  ['supertuning', supertuning({ sparsity: 0.8, rank: 1 })],
  ['miss bat', miss({ rank: 4, initWeights: 'bat' })],
  ['hira', hira({ rank: 2 })],
  ['oft', oft({ blockSize: 4 })],
  ['boft', boft({ blockSize: 4 })],
  ['hra', hra({ rank: 2 })],
  ['lokr of whole factors', lokr({ rank: 8 })],
] as const;

describe.each(dense)('%s as LoRA', (_, how) => {
  test('is the nearest, and told how near', async () => {
    const tuned = await trainedForm(adapt(model, { part: how as (typeof dense)[0][1] }));
    const change = changeOf(model, tuned);
    const squares = (await numbers(svd(change).s)).map((value) => value * value);
    const total = squares.reduce((sum, value) => sum + value, 0);
    const { model: near, rows } = await convertToLora(tuned, { rank: 2 });
    const kept = ((squares[0] ?? 0) + (squares[1] ?? 0)) / total;
    expect(rows).toEqual([{ path: 'part', rank: 2, energy: expect.closeTo(kept, 4) }]);
    const left = await numbers(changeOf(model, near).sub(change));
    const lost = left.reduce((sum, value) => sum + value * value, 0) / total;
    expect(lost).toBeCloseTo(1 - kept, 4);
    const whole = await convertToLora(tuned, { rank: 16 });
    await expectClose(changeOf(model, whole.model), change, 1e-5);
    expect(whole.rows[0]?.energy).toBeCloseTo(1, 6);
  });
});

test('a rank below that of the factors cuts them, without the whole matrix', async () => {
  const tuned = await trainedForm(adapt(model, { part: delora({ rank: 4 }) }));
  const { model: near, rows } = await convertToLora(tuned, { rank: 1 });
  expect(rows[0]?.rank).toBe(1);
  expect(rows[0]?.energy).toBeLessThan(1);
  const squares = (await numbers(svd(changeOf(model, tuned)).s)).map((value) => value ** 2);
  const total = squares.reduce((sum, value) => sum + value, 0);
  expect(rows[0]?.energy).toBeCloseTo((squares[0] ?? 0) / total, 4);
  const [, second = 1] = await numbers(svd(changeOf(model, near)).s);
  expect(second).toBeLessThan(1e-5);
});

test('biases, tables and kernels come along', async () => {
  const small = new Small();
  const tuned = await trainedForm(
    adapt(small, {
      '**.query': ia3(),
      '**.out': road({ groupSize: 2 }),
      words: oft({ blockSize: 2 }),
      line: hra({ rank: 1 }),
    }),
  );
  const { model: near, rows } = await convertToLora(tuned, { rank: 18 });
  expect(rows).toHaveLength(6);
  await expectClose(near.call(ids), tuned.call(ids), 1e-4);
  await expectClose(merge(near).call(ids), tuned.call(ids), 1e-4);
});

test('what LoRA cannot be put on is refused, and what has no rank asks for one', async () => {
  const norm = adapt(new Small(), { '**.norm': lnTuning() });
  await expect(convertToLora(norm, { rank: 2 })).rejects.toThrow(
    refusal('unsupported', "a weight of kind 'norm'"),
  );
  const circulant = adapt(model, { part: c3a({ blockSize: 8 }) });
  expect(() => convertToLora(circulant)).toThrow(
    refusal('unsupported', 'convertToLora with a rank'),
  );
  await expect(convertToLora(circulant, { rank: 2, energy: 0.5 })).rejects.toThrow(
    refusal('invalid-argument', 'a rank, or a part of the energy'),
  );
  await expect(convertToLora(circulant, { rank: 0 })).rejects.toThrow(
    refusal('invalid-argument', '0 is no rank'),
  );
  await expect(convertToLora(circulant, { rank: 2, name: 'other' })).rejects.toThrow(
    refusal('no-match', 'other'),
  );
});
