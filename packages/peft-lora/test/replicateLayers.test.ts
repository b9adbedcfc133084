import { at, combine, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  decodeAdapter,
  describe as describeAdapters,
  disable,
  encodeAdapter,
  explain,
  isTrainable,
  loha,
  lora,
  merge,
  promptTuning,
  replicateLayers,
} from '@lorikeet/peft-lora';
import { grad } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { filesOf, withConfig } from './peft/files.ts';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from './support.ts';

const model = new Small();
const ranges = [
  [0, 2],
  [0, 1],
  [1, 2],
] as const;
const how = lora({ rank: 2, alpha: 3 });
const spec = { '**.query': how, words: how };
const queryOf = (tree: Small, layer: number): unknown =>
  at(tree, `encoder.layer.${layer}.query.weight`);

test('a stack is made deeper out of the very tensors of its layers', async () => {
  const deeper = replicateLayers(model, ranges);
  expect(deeper.encoder.layer).toHaveLength(4);
  const [first, second] = model.encoder.layer;
  expect(deeper.encoder.layer).toEqual([first, second, first, second]);
  for (const [i, j] of [0, 1, 0, 1].entries()) expect(queryOf(deeper, i)).toBe(queryOf(model, j));
  expect(model.encoder.layer).toHaveLength(2);
  await expect(expectClose(deeper.call(ids), model.call(ids))).rejects.toThrow();
  await expectClose(replicateLayers(model, [[0, 2]]).call(ids), model.call(ids), 0);
});

test('each place has an adapter of its own on a base that takes memory once', async () => {
  const tuned = await trainedForm(adapt(model, spec, { layerReplication: ranges }));
  const [live, frozen] = partition(tuned, isTrainable);
  const slopes = paths(grad((part: typeof live) => combine(part, frozen).call(ids).sum())(live));
  expect(slopes).toHaveLength(2 * (4 + 1));
  const values = await Promise.all(slopes.map(([, slope]) => numbers(slope)));
  expect(new Set(values.map(String)).size).toBe(slopes.length);
  const alone = describeAdapters(adapt(model, { words: how }));
  expect(describeAdapters(tuned).total - describeAdapters(tuned).trainable).toBe(
    alone.total - alone.trainable,
  );
  const plan = explain(model, spec, { layerReplication: ranges });
  const twice = explain(model, spec, { layerReplication: [...ranges, ...ranges] });
  expect(twice.step.weights - plan.step.weights).toBe(twice.bytes - plan.bytes);
  expect(queryOf(disable(tuned), 2)).toBe(queryOf(model, 0));
});

test('merging gives each adapted place a weight of its own, and leaves the others one tensor', async () => {
  const tuned = await trainedForm(adapt(model, spec, { layerReplication: ranges }));
  const merged = merge(tuned);
  await expectClose(merged.call(ids), tuned.call(ids));
  expect(queryOf(merged, 2)).not.toBe(queryOf(merged, 0));
  const value = (layer: number): unknown => at(merged, `encoder.layer.${layer}.value.weight`);
  expect(value(2)).toBe(at(model, 'encoder.layer.0.value.weight'));
  expect(value(2)).toBe(value(0));
});

test('a file tells the ranges, and is put on the model of the first depth or on others of its kind', async () => {
  const tuned = await trainedForm(adapt(model, spec, { layerReplication: ranges }));
  expect(encodeAdapter(tuned).config.layer_replication).toEqual(ranges);
  const files = await withConfig(await filesOf(tuned));
  const loaded = await decodeAdapter(model, files);
  await expectClose(loaded.call(ids), tuned.call(ids), 0);
  expect(encodeAdapter(loaded).config).toEqual(encodeAdapter(tuned).config);
  const two = await decodeAdapter(loaded, files, { name: 'second' });
  expect(two.encoder.layer).toHaveLength(4);
  const again = adapt(two, spec, { layerReplication: ranges, name: 'third' });
  expect(again.encoder.layer).toHaveLength(4);
});

test('what the config of the model says of its depth is true of the deeper one', () => {
  const stack = { config: { num_hidden_layers: 2, width: 2 }, layers: [model.words, model.words] };
  const deeper = replicateLayers({ model: stack, depth: { num_layers: 2 } }, ranges);
  expect(deeper.model.config).toEqual({ num_hidden_layers: 4, width: 2 });
  expect(deeper.depth).toEqual({ num_layers: 2 });
});

test.each([
  ['invalid-argument', 'not in the model', () => replicateLayers(model, [[0, 3]])],
  ['invalid-argument', 'not in the model', () => replicateLayers(model, [[1, 1]])],
  ['invalid-argument', 'no layers', () => replicateLayers(model, [])],
  ['no-match', 'layers', () => replicateLayers({ words: model.words }, ranges)],
  ['unsupported', 'adapted', () => replicateLayers(adapt(model, spec), ranges)],
  [
    'unsupported',
    'adapted',
    () => {
      const tuned = adapt(model, spec, { layerReplication: ranges });
      return adapt(tuned, spec, { layerReplication: [[0, 2]], name: 'other' });
    },
  ],
  [
    'unsupported',
    'no place for replicated layers',
    () => adapt(model, { '': promptTuning({ virtualTokens: 2 }) }, { layerReplication: ranges }),
  ],
  [
    'unsupported',
    'layer_replication',
    () => {
      const method = loha({ rank: 1 });
      return encodeAdapter(adapt(model, { '**.query': method }, { layerReplication: ranges }));
    },
  ],
] as const)('%s: %s', (code, part, act: () => unknown) => {
  expect(act).toThrow(refusal(code, part));
});

test('ranges of a file that are none are refused', async () => {
  const files = await filesOf(adapt(model, spec));
  const load = async (layer_replication: unknown): Promise<Small> =>
    decodeAdapter(model, await withConfig(files, { layer_replication }));
  await expect(load([[0, 1, 2]])).rejects.toThrow(refusal('invalid-config', 'layer_replication'));
  await expect(load([[0, 9]])).rejects.toThrow(refusal('invalid-argument', 'range'));
});
