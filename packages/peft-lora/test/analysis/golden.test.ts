import { readdirSync } from 'node:fs';
import { analyseAdapter } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { expect, test } from 'vitest';
import { goldenModel, goldenPath } from '../peft/goldenModel.ts';

test.each(['bert-seqcls', 'gpt2-lm'])(
  'norms of changes of %s are those that PEFT itself computes',
  async (base) => {
    const model = await goldenModel(base);
    let compared = 0;
    for (const name of readdirSync(goldenPath('adapters', base))) {
      const dir = goldenPath('adapters', base, name);
      const io = await openSafetensors(`${dir}/io.safetensors`);
      const changes = [...io.entries.keys()].filter((key) => /^delta\..*\.weight$/.test(key));
      if (changes.length > 0) {
        const { rows } = await analyseAdapter(await loadAdapter(model, dir), { drift: false });
        for (const { path, frobeniusNorm } of rows) {
          const key = `delta.${path}.weight`;
          if (!io.entries.has(key)) continue;
          const norm = Math.hypot(...(await io.readAs(key, 'f32')));
          expect(Math.abs(frobeniusNorm - norm)).toBeLessThan(1e-6 * Math.max(norm, 1e-3));
          compared++;
        }
      }
      await io.close();
    }
    expect(compared).toBeGreaterThan(5);
  },
);
