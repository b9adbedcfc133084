import {
  adalora,
  adapt,
  analyseAdapter,
  decodeAdapter,
  decodeWithoutBase,
  dora,
  encodeAdapter,
  loha,
  lora,
  resizeAdapter,
  train,
  trainableTokens,
} from '@lorikeet/peft-lora';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from '../support.ts';
import { filesOf, withConfig } from './files.ts';

const model = new Small();
const every = adapt(model, {
  '**.{query,mlp}': lora({ rank: 3, rankPattern: { '0.mlp': 2 } }),
  words: lora({ rank: 2 }),
  '{line,plane}': lora({ rank: 2 }),
  classifier: train(),
});

describe('an adapter without its base', () => {
  test.each([
    ['of all kinds of weights', every],
    ['with trained biases', adapt(model, { '**.query': lora({ rank: 2, bias: 'all' }) })],
    [
      'with biases of its own modules',
      adapt(model, { '**.query': lora({ rank: 2, bias: 'lora_only' }), classifier: train() }),
    ],
    [
      'of AdaLoRA',
      adapt(model, { '**.query': adalora({ initRank: 3, targetRank: 1, totalSteps: 10 }) }),
    ],
  ])('%s has the spectrum that it has on it, and is written as it was', async (_, tree) => {
    const tuned = await trainedForm(tree);
    const files = await filesOf(tuned);
    const alone = await decodeWithoutBase(await withConfig(files));
    const [got, expected] = [
      await analyseAdapter(alone, { drift: false }),
      await analyseAdapter(tuned, { drift: false }),
    ];
    const figures = ({ rows }: typeof got) =>
      rows.map(({ path, singularValues }) => [path, singularValues.map((x) => x.toPrecision(6))]);
    expect(Object.fromEntries(figures(got))).toEqual(Object.fromEntries(figures(expected)));
    const again = encodeAdapter(alone);
    expect(JSON.parse(JSON.stringify(again.config))).toEqual(files.config);
    expect([...again.tensors.keys()].sort()).toEqual([...files.entries.keys()].sort());
    for (const [key, { data }] of files.entries) {
      const written = again.tensors.get(key);
      expect(written && (await numbers(written))).toEqual([...(data as Float32Array)]);
    }
  });

  test('is resized, and loads on the base', async () => {
    const tuned = await trainedForm(
      adapt(model, { '**.{query,mlp}': lora({ rank: 3 }), classifier: train() }),
    );
    const alone = await decodeWithoutBase(await withConfig(await filesOf(tuned)));
    const { model: small, rows } = await resizeAdapter(alone, { rank: 2 });
    expect(rows).toHaveLength(4);
    const loaded = await decodeAdapter(model, await withConfig(await filesOf(small)));
    const expected = await resizeAdapter(tuned, { rank: 2 });
    await expectClose(loaded.call(ids), expected.model.call(ids), 1e-5);
  });

  test('refuses what would depend on its weights', async () => {
    for (const method of [dora({ rank: 2 }), lora({ rank: 2, initLoraWeights: 'pissa' })]) {
      const tuned = await trainedForm(adapt(model, { '**.query': method }));
      const work = withConfig(await filesOf(tuned))
        .then((files) => decodeWithoutBase(files))
        .then((alone) => analyseAdapter(alone, { drift: false }));
      await expect(work).rejects.toThrow(refusal('unsupported', 'base model'));
    }
    const plain = await withConfig(await filesOf(await trainedForm(every)));
    await expect(decodeWithoutBase(plain).then((alone) => analyseAdapter(alone))).rejects.toThrow(
      refusal('unsupported', 'load the adapter on its base model'),
    );
  });

  test.each([
    ['loha', adapt(model, { '**.query': loha({ rank: 2 }) })],
    ['trained rows', adapt(model, { words: trainableTokens({ tokenIndices: [1, 2] }) })],
  ])('refuses files of %s, which do not tell the sizes', async (_, tuned) => {
    const files = await withConfig(await filesOf(tuned));
    await expect(decodeWithoutBase(files)).rejects.toThrow(refusal('unsupported', 'sizes'));
  });

  test('refuses updates of parameters, whose sizes are those of all experts together', async () => {
    const files = await filesOf(await trainedForm(every));
    const work = decodeWithoutBase(await withConfig(files, { target_parameters: ['experts.up'] }));
    await expect(work).rejects.toThrow(refusal('unsupported', 'of which parameters'));
  });

  test('refuses what is no adapter, or contradicts itself', async () => {
    const files = await filesOf(await trainedForm(every));
    await expect(decodeWithoutBase({ ...(await withConfig(files)), config: [] })).rejects.toThrow(
      refusal('invalid-config'),
    );
    await expect(decodeWithoutBase(await withConfig(files, { r: 5 }))).rejects.toThrow(
      refusal('shape-mismatch'),
    );
    await expect(
      decodeWithoutBase(await withConfig(files, { peft_type: 'PROMPT_TUNING' })),
    ).rejects.toThrow(refusal('unsupported'));
    const [key, entry] = [...files.entries][0] ?? [];
    if (key === undefined || entry === undefined) throw new Error('no tensor');
    const deep = new Map([...files.entries, [`${'a.'.repeat(1e5)}weight`, entry]]);
    await expect(decodeWithoutBase(await withConfig({ ...files, entries: deep }))).rejects.toThrow(
      refusal('invalid-file', 'too many parts'),
    );
    const inside = new Map([...files.entries, [key.replace('lora_', 'x.lora_'), entry]]);
    await expect(
      decodeWithoutBase(await withConfig({ ...files, entries: inside })),
    ).rejects.toThrow(refusal('invalid-file'));
  });
});
