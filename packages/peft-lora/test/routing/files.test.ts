import { Context } from '@lorikeet/nn';
import {
  adapt,
  adapterEntries,
  applyScalings,
  arrow,
  decodeXLora,
  encodeXLora,
  lora,
  readArrowConfig,
  routedPlaces,
  writeArrowConfig,
  XLoraClassifier,
  type XLoraOptions,
} from '@lorikeet/peft-lora';
import {
  full,
  matmul,
  normal,
  ones,
  permute,
  randomKey,
  relu,
  softmax,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, fileOf, ids, numbers, refusal, Small, trainedForm } from '../support.ts';

const adapters = { red: './red', green: 'some/green', blue: './blue' };
const hidden = normal(randomKey(1), [2, 3, 4]);
const make = (options: Partial<XLoraOptions> = {}): XLoraClassifier =>
  XLoraClassifier.init(
    { hiddenSize: 4, places: 2, adapters: 3, size: 5, ...options },
    randomKey(2),
  );
const gatesOf = (classifier: XLoraClassifier): Tensor =>
  classifier.call(hidden, Context.evaluation);

/** Written and read again, with other words in the config. */
async function again(
  classifier: XLoraClassifier,
  changes: object = {},
  rename: (key: string) => string = (key) => key,
): Promise<Awaited<ReturnType<typeof decodeXLora>>> {
  const { config, tensors } = encodeXLora(classifier, { adapters });
  const entries = [...(await adapterEntries(tensors))].map(
    ([key, entry]) => [rename(key), entry] as const,
  );
  const text = JSON.parse(JSON.stringify({ ...config, ...changes }));
  return await decodeXLora({ config: text, tensors: await fileOf(entries) });
}

describe("X-LoRA's classifier", () => {
  test.each<Partial<XLoraOptions>>([
    {},
    { depth: 3, layerwise: true, dropout: 0.1 },
    { depth: 2, activates: false, bias: false, globalWeight: 0.5 },
    { softmax: 'all', topK: 2, temperature: 0.7 },
    { softmax: 'top', topK: 2 },
    { softmax: null, topK: 1 },
    { softmax: null },
  ])('is the same after it was saved and loaded: %j', async (options) => {
    const classifier = make(options);
    const loaded = await again(classifier);
    await expectClose(gatesOf(loaded.classifier), gatesOf(classifier), 0);
    expect(loaded.adapters).toEqual(adapters);
    const { config } = loaded;
    expect(encodeXLora(loaded.classifier, { adapters, config }).config).toEqual(config);
  });

  test("has PEFT's keys, and reads those of the package before it", async () => {
    const deep = make({ depth: 3, layerwise: true });
    const keys = [...encodeXLora(deep, { adapters }).tensors.keys()];
    const within = ['inner.0', 'inner.3', 'last'].flatMap((name) => [
      `${name}.weight`,
      `${name}.bias`,
    ]);
    expect(keys).toEqual(within.map((key) => `base_model.internal_xlora_classifier.${key}`));
    const flat = make({ depth: 3, activates: false });
    expect([...encodeXLora(flat, { adapters }).tensors.keys()][2]).toContain('inner.1.weight');
    const older = await again(deep, { peft_type: undefined }, (key) =>
      key.replace('base_model.internal_xlora_classifier.', ''),
    );
    await expectClose(gatesOf(older.classifier), gatesOf(deep), 0);
  });

  test("computes PEFT's gates from a config with PEFT's defaults", async () => {
    const { tensors } = encodeXLora(make({ depth: 2, activates: false }), { adapters });
    const config = { peft_type: 'XLORA', hidden_size: 4, adapters, xlora_depth: 2, xlora_size: 5 };
    const files = { config, tensors: await fileOf(await adapterEntries(tensors)) };
    const { classifier } = await decodeXLora(files);
    const of = (name: string): Tensor =>
      tensors.get(`base_model.internal_xlora_classifier.${name}`) ?? ones([0]);
    const linear = (x: Tensor, name: string): Tensor =>
      matmul(x, permute(of(`${name}.weight`), [1, 0])).add(of(`${name}.bias`));
    const logits = linear(linear(hidden, 'inner.0'), 'last');
    await expectClose(gatesOf(classifier), softmax(logits).reshape([2, 3, 1, 3]));
    const bent = softmax(linear(relu(linear(hidden, 'inner.0')), 'last')).reshape([2, 3, 1, 3]);
    await expect(expectClose(gatesOf(classifier), bent)).rejects.toThrow();
  });

  test('keeps the largest of all gates as they are, or makes a softmax of them', async () => {
    const all = await numbers(gatesOf(make()));
    const kept = await numbers(gatesOf(make({ softmax: 'all', topK: 2 })));
    for (let token = 0; token < 6; token++) {
      const [before, after] = [all, kept].map((list) => list.slice(3 * token, 3 * token + 3));
      const least = Math.min(...(before ?? []));
      expect(after).toEqual(before?.map((gate) => (gate === least ? 0 : gate)));
    }
    await expectClose(gatesOf(make({ topK: 2 })).sum(-1), ones([2, 3, 1]));
  });

  test('gates are for the adapters in the order of the file', async () => {
    let tuned = new Small();
    for (const name of ['red', 'green'])
      tuned = adapt(tuned, { '**.query': lora({ rank: 1 }) }, { name });
    tuned = await trainedForm(tuned);
    expect(routedPlaces(tuned)).toHaveLength(2);
    const red = full([2, 4, 1, 2], 0).add(tensor([1, 0]));
    const [named, other] = [
      applyScalings(tuned, red, { names: ['red', 'green'] }),
      applyScalings(tuned, full([2, 4, 1, 2], 0).add(tensor([0, 1]))),
    ];
    await expectClose(named.call(ids), other.call(ids), 0);
    expect(() => applyScalings(tuned, red, { names: ['red', 'grey'] })).toThrow(
      refusal('no-match'),
    );
  });

  test.each([
    ['invalid-config', { hidden_size: null }],
    ['invalid-config', { peft_type: 'LORA' }],
    ['invalid-config', { enable_softmax: false, enable_softmax_topk: true }],
    ['unsupported', { enable_softmax: true, enable_softmax_topk: true, top_k_lora: 2 }],
    ['shape-mismatch', { hidden_size: 5 }],
    ['missing-tensor', { xlora_depth: 2 }],
    ['unexpected-tensor', { use_bias: false }],
  ] as const)('%s: %j', async (code, changes) => {
    await expect(again(make(), changes)).rejects.toThrow(refusal(code));
  });

  test('what PEFT cannot say is refused', () => {
    expect(() => encodeXLora(make(), { adapters: { red: '' } })).toThrow(
      refusal('invalid-argument', '3 adapters'),
    );
    expect(() => encodeXLora(make({ topK: 2, temperature: 2 }), { adapters })).toThrow(
      refusal('unsupported', 'temperature'),
    );
  });
});

describe("Arrow's config", () => {
  const options = { topK: 2, temperature: 0.5, general: ['wide'], tasks: ['red', 'green'] };

  test('is the same after it was written and read', () => {
    const written = writeArrowConfig(options);
    expect(written).toEqual({
      gks_adapter_names: ['wide'],
      rng_seed: null,
      router_temperature: 0.5,
      task_adapter_names: ['red', 'green'],
      top_k: 2,
      use_gks: true,
    });
    expect(readArrowConfig(JSON.parse(JSON.stringify(written)))).toEqual(options);
    expect(readArrowConfig({})).toEqual({ topK: 3, temperature: 1, general: [], tasks: null });
    expect(readArrowConfig(writeArrowConfig())).toEqual(readArrowConfig({}));
  });

  test('names no general adapters that are not used', () => {
    const read = readArrowConfig({ use_gks: false, gks_adapter_names: ['wide'] });
    expect(read.general).toEqual([]);
    expect(() => readArrowConfig({ top_k: 0 })).toThrow(refusal('invalid-config', 'top_k'));
  });

  test('is what arrow takes', async () => {
    let tuned = new Small();
    for (const name of ['red', 'green', 'wide'])
      tuned = adapt(tuned, { '**.query': lora({ rank: 1 }) }, { name });
    tuned = await trainedForm(tuned);
    const { tasks: _, ...own } = readArrowConfig(writeArrowConfig(options));
    await expectClose(arrow(tuned, own).call(ids), arrow(tuned, options).call(ids), 0);
  });
});
