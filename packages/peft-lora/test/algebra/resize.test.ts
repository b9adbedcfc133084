import { paths } from '@lorikeet/nn';
import {
  adalora,
  adapt,
  decodeAdapter,
  denseOf,
  disable,
  dora,
  lora,
  merge,
  rankOf,
  resizeAdapter,
  setAdapterWeights,
  train,
  updateOf,
} from '@lorikeet/peft-lora';
import { sub, svd } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from '../support.ts';
import { sumOfSquares } from './pairs.ts';

const model = new Small();
const tuned = trainedForm(
  adapt(model, {
    '**.{query,mlp}': lora({ rank: 3, alpha: 5, dropout: 0.25, loraBias: true, bias: 'lora_only' }),
    '{words,line}': lora({ rank: 2, useRslora: true }),
    plane: lora({ rank: 2, initLoraWeights: 'gaussian' }),
    classifier: train(),
  }),
);

describe('an adapter of another rank', () => {
  test('is the nearest to the old one, and says what is kept', async () => {
    const { model: small, rows } = await resizeAdapter(await tuned, { rank: 2 });
    const [before, after] = [updateOf(await tuned).pairs, updateOf(small).pairs];
    expect(rows.map(({ path }) => path)).toEqual(Object.keys(before));
    for (const { path, rank, energy, before: had } of rows) {
      const [one, other] = [before[path], after[path]];
      if (one === undefined || other === undefined) throw new Error(path);
      expect([had, rank]).toEqual([rankOf(one), Math.min(2, rankOf(one), ...denseOf(one).shape)]);
      const values = (await numbers(svd(denseOf(one).cast('f64')).s)).map((value) => value ** 2);
      const sum = (parts: readonly number[]): number => parts.reduce((a, b) => a + b, 0);
      const lost = await sumOfSquares(sub(denseOf(one), denseOf(other)).cast('f64'));
      expect(Math.abs(lost - sum(values.slice(2)))).toBeLessThan(1e-5 * sum(values));
      expect(energy).toBeCloseTo(sum(values.slice(0, 2)) / sum(values), 5);
    }
  });

  test('keeps as much as is asked for, with the lowest rank, and nothing but factors changes', async () => {
    const whole = await tuned;
    const { model: same, rows } = await resizeAdapter(whole, { energy: 1 });
    expect(rows.every(({ energy }) => energy === 1)).toBe(true);
    await expectClose(same.call(ids), whole.call(ids), 1e-5);
    await expectClose(merge(same).call(ids), whole.call(ids), 1e-5);
    const some = await resizeAdapter(whole, { energy: 0.8 });
    for (const { energy } of some.rows) expect(energy).toBeGreaterThanOrEqual(0.8);
    expect(some.rows.some(({ rank, before }) => rank < before)).toBe(true);
    const [kept, was] = [some.model, whole].map((tree) => merge(tree).classifier.weight);
    expect(kept).toBe(was);
    expect(paths(disable(some.model)).every(([, leaf], i) => leaf === paths(model)[i]?.[1])).toBe(
      true,
    );
  });

  test('is a file that loads, with its scale, dropout and biases', async () => {
    const some = adapt(model, {
      '**.{query,mlp}': lora({
        rank: 3,
        alpha: 5,
        dropout: 0.25,
        loraBias: true,
        bias: 'lora_only',
      }),
      classifier: train(),
    });
    const { model: small } = await resizeAdapter(await trainedForm(some), { energy: 0.7 });
    const files = await filesOf(small);
    expect(files.config).toMatchObject({
      lora_dropout: 0.25,
      bias: 'lora_only',
      lora_bias: true,
      use_rslora: false,
    });
    const loaded = await decodeAdapter(model, await withConfig(files));
    await expectClose(loaded.call(ids), small.call(ids), 1e-6);
  });

  test('still waits for the tokens that invoke it', async () => {
    const waiting = adapt(model, { '**.query': lora({ rank: 3, invocationTokens: [5] }) });
    const { model: small } = await resizeAdapter(await trainedForm(waiting), { rank: 1 });
    expect((await filesOf(small)).config).toMatchObject({ r: 1, alora_invocation_tokens: [5] });
  });

  test('keeps its share, and leaves others alone', async () => {
    const one = adapt(
      model,
      { '**.query': lora({ rank: 3, initLoraWeights: false }) },
      { name: 'a' },
    );
    const both = setAdapterWeights(adapt(one, { '**.query': dora({ rank: 2 }) }, { name: 'b' }), {
      a: 0.5,
    });
    const { model: same } = await resizeAdapter(both, { name: 'a', rank: 3 });
    await expectClose(same.call(ids), both.call(ids), 1e-5);
    await expect(resizeAdapter(both, { name: 'b', rank: 1 })).rejects.toThrow(
      refusal('unsupported', 'no low-rank product'),
    );
  });

  test('of PiSSA, of AdaLoRA and of nothing is plain LoRA', async () => {
    const some = await trainedForm(
      adapt(model, {
        '**.query': lora({ rank: 2, initLoraWeights: 'pissa' }),
        '**.out': adalora({ initRank: 2, targetRank: 1, totalSteps: 10 }),
      }),
    );
    const { model: same, rows } = await resizeAdapter(some, { energy: 1 });
    expect(rows.map(({ before }) => before)).toEqual([4, 2, 4, 2]);
    await expectClose(same.call(ids), some.call(ids), 1e-5);
    const { rows: none } = await resizeAdapter(adapt(model, { '**.query': lora({ rank: 4 }) }), {
      energy: 0.9,
    });
    expect(none.map(({ rank, energy }) => [rank, energy])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('wants one of rank and energy, and an adapter', async () => {
    await expect(resizeAdapter(model, {})).rejects.toThrow(refusal('invalid-argument'));
    await expect(resizeAdapter(model, { rank: 0 })).rejects.toThrow(refusal('invalid-argument'));
    await expect(resizeAdapter(model, { rank: 1 })).rejects.toThrow(refusal('no-match'));
  });
});
