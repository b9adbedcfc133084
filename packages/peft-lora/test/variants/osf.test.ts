import { adapterLaws } from '@lorikeet/laws';
import {
  applyUpdates,
  at,
  Context,
  combine,
  Linear,
  materialize,
  partition,
  sgd,
  type Weight,
} from '@lorikeet/nn';
import {
  adapt,
  decodeAdapter,
  isTrainable,
  merge,
  type OsfOptions,
  osf,
  osfVariant,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import {
  cast,
  evaluate,
  grad,
  normal,
  randomKey,
  sliceAxis,
  svd,
  type Tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, type OneLayer, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import { expectFiles, randomStack, reference, Stack, slopesOf } from './stackModel.ts';

describe.each(['osf', 'osf-pattern', 'osf-random'])('what PEFT trained as %s', (name) => {
  test('gives the outputs and the merged weights of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    await expectClose(tuned.call(value('x')), value('y'));
    const merged = merge(tuned);
    const keys = [...io.keys()].filter((key) => key.startsWith('merged.'));
    expect(keys.length).toBe(6);
    for (const key of keys) {
      const weight = materialize(at(merged, key.slice('merged.'.length)) as Weight);
      await expectClose(weight, value(key));
    }
  });

  test('has the gradients of PEFT, which are projected', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    const found = slopesOf(tuned, value).map(([path, slope]) => {
      const key = path
        .replace(/weight\.parameters\.(\w)$/, 'osf_svd_params.$1_low')
        .replace(/\.v\.(\w+)\.value$/, '.v.modules_to_save.$1');
      return [`grad.${key}`, slope] as const;
    });
    const keys = [...io.keys()].filter((key) => key.startsWith('grad.'));
    expect(found.map(([key]) => key).sort()).toEqual(keys.sort());
    for (const [key, slope] of found) await expectClose(slope, value(key), 1e-4);
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, io } = await reference(name);
    await expectFiles(await loadAdapter(new Stack(io), dir), dir);
  });
});

/** Some steps of descent towards random outputs. */
async function descended(model: OneLayer, [out, inputs]: readonly number[]): Promise<OneLayer> {
  const x = normal(randomKey(8), [7, inputs ?? 0]);
  const wanted = normal(randomKey(9), [7, out ?? 0]);
  const optimizer = sgd({ learningRate: 0.05 });
  let [live, frozen] = partition(model, isTrainable);
  let state = optimizer.init(live);
  const loss = (part: typeof live): Tensor => {
    const error = combine(part, frozen).part.call(x, Context.evaluation).sub(wanted);
    return error.mul(error).mean();
  };
  for (let step = 0; step < 20; step++) {
    const result = optimizer.update(grad(loss)(live), state, live);
    live = await evaluate(applyUpdates(live, result.updates));
    state = result.state;
  }
  return combine(live, frozen);
}

test.each([
  [5, 4],
  [4, 5],
  [4, 4],
])('descent on a weight of %i by %i leaves what is kept as it is', async (...sides) => {
  const model = oneLayer(sides[0], sides[1]);
  const start = adapt(model, { part: osf({ effectiveRank: 2 }) });
  const tuned = await descended(start, sides);
  const { u, s, v } = svd(materialize(model.part.weight));
  const [left, values, right] = [u, s, v].map((part) => sliceAxis(part, -1, 0, 2));
  if (left === undefined || values === undefined || right === undefined) throw new Error('svd');
  const weight = materialize(merge(tuned).part.weight);
  await expectClose(left.permute([1, 0]).matmul(weight), right.mul(values).permute([1, 0]));
  await expectClose(weight.matmul(right), left.mul(values));
  const moved = await numbers(changeOf(model, tuned));
  expect(Math.max(...moved.map(Math.abs))).toBeGreaterThan(0.01);
  // With the derivatives as they are it would not stay.
  const free = withParameters(start, {
    U: tensorOf(start, 'parameters.U').add(normal(randomKey(3), [sides[0], 2], 0, 0.1)),
  });
  const other = materialize(merge(free).part.weight);
  await expect(
    expectClose(left.permute([1, 0]).matmul(other), right.mul(values).permute([1, 0])),
  ).rejects.toThrow();
});

test('as many directions train as are not kept, rounded as in PEFT', () => {
  const trained = (options: OsfOptions): number =>
    tensorOf(adapt(oneLayer(5, 7), { part: osf(options) }), 'parameters.S').size;
  expect(trained({})).toBe(3);
  expect(trained({ effectiveRank: 1 })).toBe(4);
  expect(trained({ effectiveRank: 2.9 })).toBe(3);
  expect(trained({ effectiveRank: 0.7 })).toBe(2);
  expect(trained({ effectiveRank: 1, rankPattern: { '^art': 2, ar: 3, p: 4 } })).toBe(2);
  expect(trained({ effectiveRank: 1, rankPattern: { '(?i)AR': null } })).toBe(3);
  expect(trained({ effectiveRank: 1, rankPattern: { 'x|art$': 4 } })).toBe(1);
});

test('other configs for some places are written as patterns that fit these alone', async () => {
  const model = randomStack();
  const some = osf({ effectiveRank: 2 });
  const tuned = await trainedForm(
    adapt(model, { 'stack.layers.*.{q,o}': osf({ effectiveRank: 1 }), 'stack.layers.1.v': some }),
  );
  const files = await filesOf(tuned);
  expect(files.config).toMatchObject({
    effective_rank: 1,
    rank_pattern: { '^stack\\.layers\\.1\\.v$': 2 },
  });
  const x = normal(randomKey(4), [2, 5, 4]);
  await expectClose((await decodeAdapter(model, await withConfig(files))).call(x), tuned.call(x));
});

test('first values are those of the weight, or random', async () => {
  const model = oneLayer(30, 40);
  const parts = (initWeights: boolean): Tensor[] => {
    const tuned = adapt(model, { part: osf({ initWeights }) });
    return ['U', 'S', 'V'].map((name) => tensorOf(tuned, `parameters.${name}`));
  };
  const { u, s, v } = svd(materialize(model.part.weight));
  const low = [u, s, v].map((part) => sliceAxis(part, -1, 15, 15));
  for (const [i, part] of parts(true).entries()) {
    const own = low[i] ?? part;
    await expectClose(part, i === 2 ? own.permute([1, 0]) : own);
  }
  for (const part of parts(false)) {
    const values = await numbers(part);
    const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.abs(square - 1)).toBeLessThan(4 * Math.sqrt(2 / values.length));
  }
});

test('a weight in half floats is decomposed in single precision', async () => {
  const model = oneLayer(5, 4);
  const half = { part: new Linear(cast(materialize(model.part.weight), 'bf16'), null) };
  const tuned = await evaluate(adapt(half, { part: osf() }));
  expect(tensorOf(tuned, 'parameters.U').dtype).toBe('f32');
  const x = normal(randomKey(4), [3, 4]);
  await expectClose(
    tuned.part.call(x, Context.evaluation),
    half.part.call(x, Context.evaluation),
    1e-5,
  );
});

test('what PEFT refuses is refused, with the reason, and what would train nothing', async () => {
  const model = oneLayer(5, 4);
  for (const effectiveRank of [0, -1])
    expect(() => osf({ effectiveRank })).toThrow(refusal('invalid-config', 'effectiveRank'));
  expect(() => osf({ rankPattern: { part: 0 } })).toThrow(refusal('invalid-config', 'rankPattern'));
  const put = (options: OsfOptions): OneLayer => adapt(model, { part: osf(options) });
  expect(() => put({ effectiveRank: 0.2 })).toThrow(refusal('unsupported', 'keeps nothing'));
  expect(() => adapt(oneLayer(1, 4), { part: osf() })).toThrow(
    refusal('unsupported', 'keeps nothing of a weight of 1 by 4'),
  );
  expect(() => put({ effectiveRank: 4 })).toThrow(refusal('unsupported', 'nothing trains'));
  const files = await filesOf(await trainedForm(put({ effectiveRank: 2 })));
  await expect(
    decodeAdapter(model, await withConfig(files, { effective_rank: 1 })),
  ).rejects.toThrow(refusal('shape-mismatch'));
  await expect(
    decodeAdapter(model, await withConfig(files, { rank_pattern: { '(': 1 } })),
  ).rejects.toThrow(refusal('invalid-config', 'regular expression'));
});

test('its laws notice a trait that is wrong about derivatives', async () => {
  const traits = { ...osfVariant.traits, projectsGradients: () => false };
  const laws = adapterLaws({ ...osfVariant, traits });
  const derivatives = laws.find(({ name }) => name.includes('equal differences'));
  await expect(derivatives?.check({ seed: 1 })).rejects.toThrow('the law does not hold');
});
