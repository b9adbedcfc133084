import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyUpdates,
  at,
  Context,
  combine,
  Linear,
  materialize,
  partition,
  paths,
  sgd,
  type Weight,
} from '@lorikeet/nn';
import {
  type AdamssOptions,
  adamss,
  adapt,
  adapterOptimizer,
  decodeAdapter,
  encodeAdapter,
  isTrainable,
  lora,
  merge,
  settle,
} from '@lorikeet/peft-lora';
import { loadAdapter, saveAdapter } from '@lorikeet/peft-lora/node';
import {
  abs,
  alias,
  cast,
  compile,
  evaluate,
  eye,
  gather,
  grad,
  mapTensors,
  normal,
  randomKey,
  sliceAxis,
  sqrt,
  square,
  sum,
  svd,
  swapAxes,
  type Tensor,
  tanh,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { goldenPath, readAll } from '../peft/goldenModel.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf } from './oneLayer.ts';

type Values = ReadonlyMap<string, Tensor>;

/** The model of `golden/stack/makeAdamss.py`. */
class Three {
  readonly first: Linear;
  readonly second: Linear;
  readonly third: Linear;

  constructor(values: Values) {
    const line = (name: string): Linear =>
      new Linear(valueIn(values, `model.${name}.weight`), values.get(`model.${name}.bias`) ?? null);
    this.first = line('first');
    this.second = line('second');
    this.third = line('third');
  }

  call(x: Tensor, context: Context = Context.evaluation): Tensor {
    const hidden = tanh(this.first.call(x, context));
    return this.third.call(tanh(this.second.call(hidden, context)), context);
  }
}

const names = ['first', 'second', 'third'] as const;
const cases = ['adamss', 'adamss-dynamic', 'adamss-many'];

describe.each(cases)('what PEFT trained as %s', (name) => {
  test('gives the outputs and the merged model of PEFT', async () => {
    const { dir, io } = await reference(name);
    const tuned = await loadAdapter(new Three(io), dir);
    await expectClose(tuned.call(valueIn(io, 'x')), valueIn(io, 'y'));
    const merged = merge(tuned);
    const keys = [...io.keys()].filter((key) => key.startsWith('merged.'));
    expect(keys).toHaveLength(5);
    for (const key of keys) {
      const leaf = materialize(at(merged, key.slice('merged.'.length)) as Weight);
      await expectClose(leaf, valueIn(io, key));
    }
  });

  test('has the gradients of PEFT', async () => {
    const { dir, io } = await reference(name);
    const tuned = await loadAdapter(new Three(io), dir);
    const [live, frozen] = partition(tuned, isTrainable);
    const loss = (part: typeof live): Tensor =>
      combine(part, frozen).call(valueIn(io, 'x')).mul(valueIn(io, 'weights')).sum();
    const slopes = grad(loss)(live);
    const { tensors } = encodeAdapter(combine(slopes, frozen));
    const expected = [...io].filter(([key]) => key.startsWith('grad.'));
    expect(expected.length).toBeGreaterThan(10);
    for (const [key, slope] of expected) {
      const own = tensors.get(`base_model.model.${key.slice('grad.'.length)}`) ?? zeros([0]);
      await expectClose(own, slope, 1e-4);
    }
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, io } = await reference(name);
    const { config, tensors } = encodeAdapter(await loadAdapter(new Three(io), dir));
    const wanted = JSON.parse(readFileSync(`${dir}/adapter_config.json`, 'utf8'));
    expect(config).toEqual({ ...wanted, target_modules: Reflect.get(config, 'target_modules') });
    const expected = await readFile(`${dir}/adapter_model.safetensors`);
    expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, leaf] of tensors)
      expect(await numbers(leaf)).toEqual(await numbers(valueIn(expected, key)));
  });
});

test.each([
  ['adamss', { rank: 4, numSubspaces: 3, subspaceRank: 2, randomSeed: 3 }],
  [
    'adamss-dynamic',
    {
      rank: 5,
      numSubspaces: 4,
      subspaceRank: 3,
      useDynamicRank: true,
      svdThreshold: 0.3,
      initWeights: null,
    },
  ],
])('first values of %s are those of PEFT, but for signs', async (name, options) => {
  const { dir, io } = await reference(name);
  const stored = await readFile(`${dir}/adapter_model.safetensors`);
  const tuned = await settle(adapt(new Three(io), { '{first,second,third}': adamss(options) }));
  const { tensors } = encodeAdapter(tuned);
  expect([...tensors.keys()].sort()).toEqual([...stored.keys()].sort());
  for (const part of names) {
    const key = `base_model.model.${part}.adamss_newB`;
    const [own, theirs] = [valueIn(tensors, key), valueIn(stored, key)];
    await expectClose(abs(own), abs(theirs), 1e-4);
  }
  for (const [key, leaf] of tensors) expect(leaf.shape).toEqual(valueIn(stored, key).shape);
});

test('between steps as many subspaces go on to train as in PEFT, and they are the same', async () => {
  const { dir, io } = await reference('adamss-steps');
  for (const compat of ['peft', undefined] as const) {
    const tuned = await loadAdapter(new Three(io), dir, compat === undefined ? {} : { compat });
    const [first, frozen] = partition(tuned, isTrainable);
    const loss = (part: typeof first): Tensor =>
      square(combine(part, frozen).call(valueIn(io, 'x')).sub(valueIn(io, 'weights'))).sum();
    const optimizer = adapterOptimizer(sgd({ learningRate: 0.02 }));
    let [live, state] = [first, optimizer.init(first)];
    const left: number[] = [];
    for (let step = 0; step < 8; step++) {
      const before = encodeAdapter(combine(live, frozen)).tensors;
      const { updates, state: next } = optimizer.update(grad(loss)(live), state, live);
      live = await evaluate(applyUpdates(live, updates));
      state = await evaluate(next);
      const after = encodeAdapter(combine(live, frozen)).tensors;
      let moved = 0;
      for (const [key, leaf] of after) {
        if (compat === 'peft' && !key.endsWith('newB'))
          await expectClose(leaf, valueIn(io, `step.${step}.${key.slice(17)}`), 1e-4);
        if (!key.includes('adamss_A')) continue;
        const change = abs(leaf.sub(valueIn(before, key))).max();
        moved += (await change.item()) > 0 ? 1 : 0;
      }
      left.push(moved);
    }
    // PEFT leaves one fewer than its schedule says.
    expect(left).toEqual(compat === 'peft' ? [9, 9, 9, 5, 5, 2, 2, 2] : [9, 9, 9, 6, 6, 3, 3, 3]);
  }
});

test('of two at once each divides what is under it, and in PEFT the weight', async () => {
  const { dir, io } = await reference('adamss-both');
  const compat = { compat: 'peft' } as const;
  const one = await loadAdapter(new Three(io), `${dir}/one`, { name: 'one', ...compat });
  const both = await loadAdapter(one, `${dir}/two`, { name: 'two', ...compat });
  await expectClose(both.call(valueIn(io, 'x')), valueIn(io, 'y'));
  await expectClose(merge(both).call(valueIn(io, 'x')), valueIn(io, 'y'));
  const newB = (tree: Three): Tensor => at(tree, 'first.weight.frozen.newB') as Tensor;
  const second = { first: adamss({ rank: 4 }) };
  const put = (tree: Three, options: { readonly compat?: 'peft' }): Three =>
    adapt(tree, { first: adamss({ rank: 4, ...options }) }, { name: 'third' });
  await expectClose(newB(put(both, compat)), newB(adapt(new Three(io), second)));
  await expectClose(newB(put(both, {})), newB(adapt(merge(both), second)), 1e-4);
});

test('features of a subspace are its leading right singular vectors over those of the weight', async () => {
  const model = { part: new Linear(randomRows(9, 3).matmul(randomRows(3, 7)), null) };
  // Of rank 3, so that the sketch is exact.
  const options = { rank: 3, numSubspaces: 2, subspaceRank: 2 };
  const tuned = adapt(model, { part: adamss(options) });
  const [newB, A] = [tensorOf(tuned, 'frozen.newB'), tensorOf(tuned, 'parameters.A')];
  await expectClose(newB.matmul(swapAxes(newB)), eye(3));
  const taken = model.part.weight as Tensor;
  await expectClose(taken.matmul(swapAxes(newB)).matmul(newB), taken);
  const along = taken.matmul(swapAxes(newB)); // [out, width]
  const U = along.div(sqrt(square(along).sum(0)));
  await expectClose(swapAxes(U).matmul(U), eye(3));
  const rows = await numbers(tensorOf(tuned, 'frozen.rows'));
  for (const k of [0, 1]) {
    const members = rows.flatMap((label, i) => (label === k ? [i] : []));
    const parts = gather(U, tensor(members, [members.length], 'i32'));
    const features = sliceAxis(A, 0, k, 1).reshape([2, 3]);
    await expectClose(features.matmul(swapAxes(features)), eye(2));
    const energies = square(parts.matmul(swapAxes(features))).sum(0);
    const R = Math.min(2, members.length);
    await expectClose(sliceAxis(energies, 0, 0, R), square(sliceAxis(svd(parts).s, 0, 0, R)));
  }
});

test('features that a subspace has no outputs for do nothing, and those that count little neither', async () => {
  const model = oneLayer(4, 6);
  const ranksOf = (options: AdamssOptions): Promise<number[]> =>
    numbers(tensorOf(adapt(model, { part: adamss(options) }), 'frozen.ranks'));
  expect(await ranksOf({ rank: 3, numSubspaces: 4, subspaceRank: 3 })).toEqual([1, 1, 1, 1]);
  const one = { rank: 3, numSubspaces: 1, subspaceRank: 3 };
  expect(await ranksOf(one)).toEqual([3]);
  expect(await ranksOf({ ...one, useDynamicRank: true, svdThreshold: 0.5 })).toEqual([3]);
  expect(await ranksOf({ ...one, useDynamicRank: true, svdThreshold: 1.5 })).toEqual([1]);
});

test('without first values of its own B is of small normal numbers', async () => {
  const how = adamss({ initWeights: null, rank: 5, numSubspaces: 4, subspaceRank: 5 });
  const B = tensorOf(adapt(oneLayer(90, 30), { part: how }), 'parameters.B');
  const deviation = Math.sqrt(await square(B).mean().item());
  expect(Math.abs(deviation - 0.01)).toBeLessThan(0.001);
});

test('files are those of PEFT once they are settled, as saveAdapter does; before they are our own', async () => {
  const model = oneLayer(6, 5);
  const tuned = await trainedForm(adapt(model, { part: adamss({ rank: 3, numSubspaces: 2 }) }));
  const keysOf = (tree: unknown): string[] =>
    [...encodeAdapter(tree).tensors.keys()].map((key) => key.replace(/.*adamss_/, '')).sort();
  expect(keysOf(tuned)).toEqual(['A', 'B', 'newB', 'ranks', 'rows']);
  expect(keysOf(await settle(tuned))).toEqual(['A.0', 'A.1', 'B.0', 'B.1', 'newB']);
  const change = changeOf(model, tuned);
  for (const tree of [tuned, await settle(tuned)]) {
    const loaded = await decodeAdapter(model, await withConfig(await filesOf(tree)));
    await expectClose(changeOf(model, loaded), change, 1e-6);
  }
  const dir = await mkdtemp(join(tmpdir(), 'adamss-'));
  await saveAdapter(tuned, dir);
  expect([...(await readFile(`${dir}/adapter_model.safetensors`)).keys()]).toContain(
    'base_model.model.part.adamss_A.1',
  );
  await expectClose(changeOf(model, await loadAdapter(model, dir)), change, 1e-6);
  await rm(dir, { recursive: true });
});

test('where roundings divide a weight, files are our own, and those of PEFT are refused', async () => {
  const model = oneLayer(4, 6);
  const tuned = await trainedForm(adapt(model, { part: adamss({ numSubspaces: 2 }) }));
  const settled = await settle(tuned);
  expect([...encodeAdapter(settled).tensors.keys()]).toContain('base_model.model.part.adamss_rows');
  const loaded = await decodeAdapter(model, await withConfig(await filesOf(settled)));
  await expectClose(changeOf(model, loaded), changeOf(model, tuned), 1e-6);
  const few = adapt(model, { part: adamss({ rank: 2, numSubspaces: 2 }) });
  const files = await filesOf(await settle(few));
  await expect(decodeAdapter(model, await withConfig(files, { r: 100 }))).rejects.toThrow(
    refusal('missing-tensor', 'adamss_rows'),
  );
  await expect(decodeAdapter(model, await withConfig(files, { num_subspaces: 3 }))).rejects.toThrow(
    refusal('missing-tensor', 'adamss_A.2'),
  );
});

test('settling leaves other methods alone, and asks for an adapter', async () => {
  const tuned = adapt(oneLayer(3, 3), { part: lora({ rank: 1 }) });
  expect(await settle(tuned)).toBe(tuned);
  await expect(settle(tuned, 'other')).rejects.toThrow(refusal('no-match', 'other'));
});

test('equal outputs are divided, too', async () => {
  const rows = [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 0, 1, 0];
  const model = { part: new Linear(tensor(rows, [6, 3]), null) };
  const tuned = adapt(model, { part: adamss({ rank: 2, numSubspaces: 4, subspaceRank: 2 }) });
  const labels = await numbers(tensorOf(tuned, 'frozen.rows'));
  expect(new Set(labels.slice(0, 5)).size).toBe(1);
  expect(labels[5]).not.toBe(labels[0]);
  expect(await numbers(changeOf(model, await evaluate(tuned)))).toEqual(Array(18).fill(0));
});

test('a compiled step allocates as an eager one, with the memory of the step before', async () => {
  const options = { useAsa: true, initWarmup: 0, finalWarmup: 4, maskInterval: 1 };
  const how = adamss({ ...options, rank: 3, numSubspaces: 3, asaTargetSubspaces: 1 });
  const tuned = await trainedForm(adapt(oneLayer(7, 5), { part: how }));
  const [first, frozen] = partition(tuned, isTrainable);
  const optimizer = adapterOptimizer(sgd({ learningRate: 0.1 }));
  type Live = typeof first;
  type State = ReturnType<typeof optimizer.init>;
  const x = randomRows(8, 5);
  const step = (live: Live, state: State): [Live, State] => {
    const slopes = grad((part: Live) =>
      square(combine(part, frozen).part.call(x, Context.evaluation)).sum(),
    )(live);
    const { updates, state: next } = optimizer.update(slopes, state, live);
    return [applyUpdates(live, updates), next];
  };
  const compiled = compile(step, { donate: [0, 1] });
  let [live, state] = await evaluate(mapTensors([first, optimizer.init(first)] as const, alias));
  let [eager, kept]: [Live, State] = [first, optimizer.init(first)];
  for (let i = 0; i < 5; i++) {
    [live, state] = compiled(live, state);
    [eager, kept] = await evaluate(step(eager, kept));
  }
  const [fast, slow] = [combine(live, frozen), combine(eager, frozen)];
  for (const name of ['A', 'B'])
    await expectClose(tensorOf(fast, `parameters.${name}`), tensorOf(slow, `parameters.${name}`));
  const active = paths(kept).filter(([path]) => path.includes('active'));
  expect(await numbers(sum(cast(active[0]?.[1] ?? zeros([1]), 'i32')))).toEqual([1]);
});

test('no matrix of the size of the weight is made, nor by derivatives', async () => {
  const tuned = await evaluate(adapt(oneLayer(192, 240), { part: adamss({ rank: 8 }) }));
  expect(largestResult(tuned.part, zeros([2, 240]))).toBeLessThan(192 * 48);
});

test('what PEFT refuses is refused, with the reason', () => {
  for (const options of [
    { finalWarmup: 50 },
    { maskInterval: 0 },
    { asaTargetSubspaces: 0 },
    { asaScheduleExponent: 0 },
  ]) {
    const [field = ''] = Object.keys(options);
    expect(() => adamss({ useAsa: true, ...options })).toThrow(refusal('invalid-config', field));
    expect(() => adamss(options)).not.toThrow();
  }
  expect(() => adamss({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
});

function randomRows(rows: number, columns: number): Tensor {
  return normal(randomKey(rows), [rows, columns]);
}

function valueIn(values: Values, key: string): Tensor {
  const found = values.get(key);
  if (found === undefined) throw new Error(`there is no ${key}`);
  return found;
}

async function readFile(path: string): Promise<Values> {
  const file = await openSafetensors(path);
  const found = await readAll(file);
  await file.close();
  return found;
}

async function reference(name: string): Promise<{ readonly dir: string; readonly io: Values }> {
  const dir = goldenPath('stack', name);
  return { dir, io: await readFile(`${dir}/io.safetensors`) };
}
