import { readdirSync, readFileSync } from 'node:fs';
import { at, materialize, type Weight } from '@lorikeet/nn';
import { encodeAdapter, merge } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers } from '../support.ts';
import { goldenModel, goldenPath, readAll } from './goldenModel.ts';

const cases = readdirSync(goldenPath('adapters')).flatMap((base) =>
  readdirSync(goldenPath('adapters', base)).map((name) => [base, name] as const),
);

/** Keys that PEFT writes twice, under the names of its wrapper, when every bias trains. */
const copies = /\.(modules_to_save|original_module)\.bias$/;

describe.each(cases)('the adapter %s/%s that PEFT wrote', (base, name) => {
  const dir = goldenPath('adapters', base, name);
  const stored = JSON.parse(readFileSync(`${dir}/adapter_config.json`, 'utf8'));

  test('changes the weights as in PEFT', async () => {
    const model = await goldenModel(base);
    const merged = merge(await loadAdapter(model, dir));
    const file = await openSafetensors(`${dir}/io.safetensors`);
    for (const [key, expected] of await readAll(file)) {
      const [kind = '', path = ''] = key.split(/\.(.*)/s);
      if (kind !== 'delta' && kind !== 'merged') continue;
      const [before, after] = [model, merged].map((tree) => materialize(at(tree, path) as Weight));
      if (before === undefined || after === undefined) throw new Error('there is no such weight');
      await expectClose(kind === 'merged' ? after : after.sub(before), expected, 2e-5);
    }
    await file.close();
  });

  test('is written again with the same tensors, bit by bit', async () => {
    const tuned = await loadAdapter(await goldenModel(base), dir);
    const written = encodeAdapter(tuned).tensors;
    const file = await openSafetensors(`${dir}/adapter_model.safetensors`);
    const expected = await readAll(file);
    await file.close();
    const keys = [...expected.keys()].filter((key) => !copies.test(key));
    expect([...written.keys()].sort()).toEqual(keys.sort());
    for (const [key, leaf] of written)
      expect(await numbers(leaf)).toEqual(await numbers(expected.get(key) ?? leaf));
  });

  test('is written again with the same config', async () => {
    const tuned = await loadAdapter(await goldenModel(base), dir);
    const { config } = encodeAdapter(tuned);
    expect(config).toEqual(stored);
    expect(Object.keys(config)).toEqual(Object.keys(config).sort());
  });
});
