import {
  at,
  combine,
  isReparam,
  partition,
  paths,
  Quantized,
  quantizeWeights,
  replaceAt,
} from '@lorikeet/nn';
import {
  adapt,
  decodeAdapter,
  describe as describeAdapters,
  disable,
  encodeAdapter,
  isTrainable,
  lora,
  merge,
  setAdapterWeights,
  train,
} from '@lorikeet/peft-lora';
import { compile, grad, Tensor } from '@lorikeet/tensor-core';
import { beforeAll, expect, test } from 'vitest';
import { filesOf, withConfig } from './peft/files.ts';
import { expectClose, ids, numbers, Small, trainedForm } from './support.ts';

const base = quantizeWeights(new Small(), {
  '**.{query,out}': { dtype: 'u4', blockSize: 4, symmetric: false },
  '**.{mlp,value}': { dtype: 'i8', blockSize: 3 },
  words: { dtype: 'i8', blockSize: 64 },
});
const places = ['query', 'value', 'mlp', 'out']
  .flatMap((name) => [0, 1].map((i) => `encoder.layer.${i}.${name}.weight`))
  .concat('words.weight');
let tuned: Small;

beforeAll(async () => {
  const method = lora({ rank: 2, alpha: 5 });
  tuned = await trainedForm(adapt(base, { '**.{query,mlp}': method, words: method }));
});

/** The model with the plain tensor that each weight stands for in its place. */
function plainForm(model: Small): Small {
  return places.reduce((tree, path) => {
    const weight = at(tree, path);
    if (!isReparam(weight)) throw new Error(`${path} is plain`);
    return replaceAt(tree, path, weight.materialize());
  }, model);
}

/** The same adapters on the dequantised weights. */
function onPlainBase(model: Small): Small {
  return places.reduce((tree, path) => {
    const weight = at(tree, path);
    if (weight instanceof Quantized) return replaceAt(tree, path, weight.materialize());
    const under = at(tree, `${path}.base`);
    if (!(under instanceof Quantized)) throw new Error(`${path} is not quantised`);
    return replaceAt(tree, `${path}.base`, under.materialize());
  }, model);
}

test('an adapted quantised model computes with the dequantised weights and the update', async () => {
  const expected = plainForm(tuned).call(ids);
  await expectClose(tuned.call(ids), expected, 1e-5);
  await expect(expectClose(base.call(ids), expected, 1e-2)).rejects.toThrow();
  await expectClose(adapt(base, { '**.query': lora() }).call(ids), base.call(ids), 0);
});

test('A and B train, and nothing of the base', async () => {
  const [live, frozen] = partition(tuned, isTrainable);
  expect(paths(live).every(([path]) => /\.parameters\.[AB]$/.test(path))).toBe(true);
  expect(paths(live)).toHaveLength(5 * 2);
  const gradients = paths(grad((part: typeof live) => combine(part, frozen).call(ids).sum())(live));
  const [plainLive, plainFrozen] = partition(onPlainBase(tuned), isTrainable);
  const expected = new Map(
    paths(grad((part: typeof plainLive) => combine(part, plainFrozen).call(ids).sum())(plainLive)),
  );
  expect(gradients.map(([path]) => path)).toEqual([...expected.keys()]);
  for (const [path, gradient] of gradients) {
    const values = await numbers(gradient);
    expect(values.every(Number.isFinite) && values.some((value) => value !== 0)).toBe(true);
    await expectClose(gradient, expected.get(path) ?? gradient, 1e-4);
  }
});

test('a compiled call takes an adapted quantised model', async () => {
  const compiled = compile((model: Small, x: Tensor) => model.call(x));
  await expectClose(compiled(tuned, ids), tuned.call(ids), 0);
});

test('merging dequantises what is adapted, and nothing else', async () => {
  const merged = merge(tuned);
  expect(at(merged, 'encoder.layer.0.query.weight')).toBeInstanceOf(Tensor);
  expect(at(merged, 'words.weight')).toBeInstanceOf(Tensor);
  const value = 'encoder.layer.0.value.weight.weight';
  expect(at(merged, value)).toBe(at(base, value));
  await expectClose(merged.call(ids), tuned.call(ids), 1e-5);
  await expectClose((await merge(tuned, { safe: true })).call(ids), merged.call(ids), 0);
});

test('disabling gives the quantised model back', () => {
  const before = paths(base);
  expect(paths(disable(tuned))).toHaveLength(before.length);
  paths(disable(tuned)).forEach(([path, leaf], i) => {
    expect([path, leaf === before[i]?.[1]]).toEqual([before[i]?.[0], true]);
  });
});

test('shares, whole trained modules and a second adapter work as on a plain base', async () => {
  await expectClose(setAdapterWeights(tuned, { default: 0 }).call(ids), base.call(ids), 1e-5);
  const whole = adapt(base, { '**.value': train() });
  await expectClose(whole.call(ids), base.call(ids), 1e-5);
  const two = await trainedForm(adapt(tuned, { '**.query': lora() }, { name: 'second' }), 8);
  await expectClose(two.call(ids), plainForm(two).call(ids), 1e-5);
});

test('an adapter is saved and loaded without its base', async () => {
  const loaded = await decodeAdapter(base, await withConfig(await filesOf(tuned)));
  await expectClose(loaded.call(ids), tuned.call(ids), 0);
  expect([...encodeAdapter(tuned).tensors.keys()].every((key) => /lora_.*[AB]/.test(key))).toBe(
    true,
  );
});

test('the table of adapters has the shapes of the weights as layers see them', () => {
  const { rows, trainable } = describeAdapters(tuned);
  expect(rows.find(({ path }) => path.endsWith('0.mlp.weight'))?.shape).toEqual([6, 8]);
  expect(trainable).toBe(2 * (7 + 6) + 2 * 2 * (6 + 6) + 2 * 2 * (6 + 8));
});
