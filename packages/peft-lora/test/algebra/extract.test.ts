import {
  adapt,
  applyUpdate,
  disable,
  extractUpdate,
  loha,
  lora,
  merge,
  train,
} from '@lorikeet/peft-lora';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, refusal, Small, trainedForm } from '../support.ts';

const model = new Small();

describe('what lies between two models', () => {
  test('is LoRA again where it was LoRA, and whole tensors where these trained', async () => {
    const tuned = await trainedForm(
      adapt(model, {
        '**.{query,mlp}': lora({ rank: 2, bias: 'lora_only' }),
        words: lora({ rank: 1 }),
        plane: lora({ rank: 2 }),
        classifier: train(),
      }),
    );
    const changed = merge(tuned);
    const { update, rows } = await extractUpdate(model, changed, {
      rank: 2,
      whole: ['classifier'],
    });
    for (const row of rows) expect(row.energy).toBeGreaterThan(1 - 1e-9);
    expect(rows.map(({ path }) => path)).toContain('words');
    const again = applyUpdate(model, update);
    await expectClose(again.call(ids), changed.call(ids), 1e-5);
    await expectClose(merge(again).call(ids), changed.call(ids), 1e-5);
  });

  test('keeps as much of the energy as is asked for, with the lowest rank', async () => {
    const tuned = await trainedForm(adapt(model, { '**.query': loha({ rank: 2 }) }));
    const [base, changed] = [disable(tuned), merge(tuned)];
    const all = await extractUpdate(base, changed, { energy: 1 });
    const some = await extractUpdate(base, changed, { energy: 0.7 });
    for (const [i, { path, rank, energy }] of some.rows.entries()) {
      expect(energy).toBeGreaterThanOrEqual(0.7);
      expect(rank).toBeLessThan(all.rows[i]?.rank ?? 0);
      if (rank === 1) continue;
      const { rows } = await extractUpdate(base, changed, { rank: rank - 1 });
      expect(rows.find((row) => row.path === path)?.energy).toBeLessThan(0.7);
    }
    await expectClose(applyUpdate(base, all.update).call(ids), changed.call(ids), 1e-5);
  });

  test('is nothing between a model and itself', async () => {
    const { update, rows } = await extractUpdate(model, model, { rank: 1 });
    expect(rows).toEqual([]);
    expect(update.pairs).toEqual({});
    expect(update.wholes).toEqual({});
  });

  test('wants one of rank and energy, and plain models', async () => {
    const tuned = adapt(model, { '**.query': lora() });
    const refused = (work: Promise<unknown>, part: string): Promise<void> =>
      expect(work).rejects.toThrow(refusal('invalid-argument', part));
    await refused(extractUpdate(model, model, {}), 'rank, or a part');
    await refused(extractUpdate(model, model, { rank: 1, energy: 0.5 }), 'rank, or a part');
    await refused(extractUpdate(model, model, { rank: 0 }), '0 is no rank');
    await refused(extractUpdate(model, model, { energy: 1.5 }), '1.5 is no part');
    await refused(extractUpdate(tuned, model, { rank: 1 }), 'has the adapter');
  });
});
