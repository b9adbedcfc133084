import { readFileSync } from 'node:fs';
import { Context, combine, Linear, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  applyTasks,
  bottleneck,
  decodeAdapter,
  isTrainable,
  lora,
  merge,
  poly,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import {
  compile,
  evaluate,
  full,
  gather,
  grad,
  mapTensors,
  normal,
  randomKey,
  sliceAxis,
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
import { expectClose, numbers, refusal, trainablePaths, trainedForm } from '../support.ts';
import { expectFiles } from './stackModel.ts';

/** The model of `golden/poly/makePoly.py`. */
class Pair {
  readonly up: Linear;
  readonly down: Linear;

  constructor(up: Linear, down: Linear) {
    this.up = up;
    this.down = down;
  }

  call(x: Tensor, context: Context = Context.evaluation): Tensor {
    return x.add(context.call('down', this.down, tanh(context.call('up', this.up, x))));
  }
}

const model = new Pair(
  new Linear(normal(randomKey(1), [6, 4]), normal(randomKey(2), [6])),
  new Linear(normal(randomKey(3), [4, 6]), null),
);
const x = normal(randomKey(4), [4, 5, 4]);
const idsOf = (...ids: number[]): Tensor => tensor(ids, [ids.length], 'i32');

async function valuesIn(path: string): Promise<(key: string) => Tensor> {
  const file = await openSafetensors(path);
  const values = await readAll(file);
  await file.close();
  return (key) => {
    const found = values.get(key);
    if (found === undefined) throw new Error(`the reference has no ${key}`);
    return found;
  };
}

async function reference(name: string) {
  const dir = goldenPath('poly', name);
  const value = await valuesIn(`${dir}/io.safetensors`);
  const base = new Pair(
    new Linear(value('model.up.weight'), value('model.up.bias')),
    new Linear(value('model.down.weight'), null),
  );
  return { dir, value, base, ids: value('task_ids').cast('i32') };
}

describe.each(['poly', 'poly-splits', 'poly-saved'])('what PEFT trained as %s', (name) => {
  test('gives the outputs of PEFT, each row by its task', async () => {
    const { dir, value, base, ids } = await reference(name);
    const tuned = await loadAdapter(base, dir);
    await expectClose(applyTasks(tuned, ids).call(value('x')), value('y'));
    const other = applyTasks(tuned, idsOf(0, 0, 0, 0)).call(value('x'));
    await expectClose(sliceAxis(other, 0, 1, 1), sliceAxis(value('y'), 0, 1, 1));
    await expect(
      expectClose(sliceAxis(other, 0, 0, 1), sliceAxis(value('y'), 0, 0, 1)),
    ).rejects.toThrow();
  });

  test('has the gradients of PEFT', async () => {
    const { dir, value, base, ids } = await reference(name);
    const [live, frozen] = partition(await loadAdapter(base, dir), isTrainable);
    const loss = (part: typeof live): Tensor =>
      applyTasks(combine(part, frozen), ids).call(value('x')).mul(value('weights')).sum();
    const parts: Readonly<Record<string, string>> = {
      A: 'poly_lora_A',
      B: 'poly_lora_B',
      logits: 'poly_router.module_logits',
    };
    const slopes = paths(grad(loss)(live));
    expect(slopes.length).toBe(name === 'poly-saved' ? 4 : 6);
    for (const [path, slope] of slopes) {
      const [place = '', part = ''] = path.split('.adapters.0.parameters.');
      const key = part === '' ? 'down.modules_to_save.weight' : `${place}.${parts[part]}`;
      await expectClose(slope, value(`grad.${key}`), 1e-4);
    }
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, base, ids } = await reference(name);
    const tuned = await loadAdapter(base, dir);
    await expectFiles(tuned, dir);
    await expectFiles(applyTasks(tuned, ids), dir);
  });
});

test('training draws the shares of skills as PEFT spreads them, anew for each row', async () => {
  const value = await valuesIn(goldenPath('poly', 'shares.safetensors'));
  const [rows, skills] = [40_000, 3];
  const base = { part: new Linear(zeros([skills, 1]), null) };
  // The factor A is 1 whatever the shares are, and each output shows the share of one skill.
  const tuned = combineWith(adapt(base, { part: poly({ rank: 1, skills }) }), {
    A: full([1, skills, 1, 1], 1),
    B: tensor([1, 0, 0, 0, 1, 0, 0, 0, 1], [1, skills, 1, skills]),
    logits: value('logits'),
  });
  const context = Context.training(randomKey(5));
  const each = applyTasks(tuned, zeros([rows], 'i32'));
  const shares = await numbers(each.part.call(full([rows, 1], 1), context)); // [rows, skills]
  const expected = await numbers(value('quantiles')); // [skills, 19]
  for (let skill = 0; skill < skills; skill++) {
    const own = shares.filter((_, i) => i % skills === skill).sort((a, b) => a - b);
    for (let level = 1; level < 20; level++) {
      const quantile = expected[skill * 19 + level - 1] ?? 0;
      const below = own.findIndex((share) => share > quantile) / rows;
      // Five deviations of such a part.
      expect(Math.abs(below - level / 20)).toBeLessThan(5 * Math.sqrt(0.25 / rows));
    }
  }
  const settled = await numbers(
    applyTasks(tuned, idsOf(0)).part.call(full([1, 1], 1), Context.evaluation),
  );
  const gates = [2, -0.5, 0.3].map((logit) => 1 / (1 + Math.exp(-logit)));
  const sum = gates.reduce((total, gate) => total + gate, 0);
  for (const [i, gate] of gates.entries()) expect(settled[i]).toBeCloseTo(gate / sum, 6);
});

test('other tasks run the same compiled plan, and rows may stand several times', async () => {
  const tuned = await trainedForm(adapt(model, { '*': poly({ tasks: 3, rank: 2 }) }));
  let traced = 0;
  const run = compile((ids: Tensor, given: Tensor): Tensor => {
    traced++;
    return applyTasks(tuned, ids).call(given);
  });
  for (const ids of [idsOf(0, 1, 2, 0), idsOf(2, 2, 1, 0)])
    await expectClose(await run(ids, x), applyTasks(tuned, ids).call(x));
  expect(traced).toBe(1);
  const beams = gather(x, idsOf(0, 0, 1, 1));
  const ids = idsOf(2, 1);
  const first = applyTasks(tuned, ids).call(sliceAxis(x, 0, 0, 2));
  await expectClose(applyTasks(tuned, ids).call(beams), gather(first, idsOf(0, 0, 1, 1)));
  const row = sliceAxis(x, 1, 0, 1);
  await expectClose(
    applyTasks(tuned, idsOf(0, 1, 2, 0)).call(row.reshape([4, 4])),
    applyTasks(tuned, idsOf(0, 1, 2, 0))
      .call(row)
      .reshape([4, 4]),
  );
});

test('only adapters that ask for tasks are told them, which do not train', async () => {
  const inner = await trainedForm(adapt(model, { up: lora({ rank: 1 }) }, { name: 'inner' }));
  const narrow = adapt(inner, { down: bottleneck({ size: 2 }) }, { name: 'narrow' });
  const tuned = adapt(narrow, { '*': poly({ tasks: 2 }) });
  const told = applyTasks(tuned, idsOf(0, 1, 1, 0));
  await expectClose(told.call(x), inner.call(x));
  expect(trainablePaths(told)).toEqual(trainablePaths(tuned));
  expect(() => applyTasks(narrow, idsOf(0))).toThrow(refusal('no-match', 'asks for tasks'));
  expect(() => applyTasks(tuned, zeros([2, 2], 'i32'))).toThrow(refusal('shape-mismatch', '[B]'));
});

test('nothing of the size of the weight is formed', async () => {
  const wide = { part: new Linear(normal(randomKey(1), [240, 192]), null) };
  const { part } = applyTasks(await evaluate(adapt(wide, { part: poly({ rank: 2 }) })), idsOf(0));
  expect(largestResult(part, normal(randomKey(2), [1, 3, 192]))).toBeLessThan(192 * 240);
});

test('first values are spread as PEFT spreads them, for each skill and part', async () => {
  const wide = { part: new Linear(zeros([32, 64]), null) };
  const firstOf = async (initWeights: boolean): Promise<Map<string, number[]>> => {
    const how = poly({ rank: 16, splits: 2, tasks: 40, initWeights });
    const found = paths(partition(adapt(wide, { part: how }), isTrainable)[0]);
    const named = found.map(
      async ([path, leaf]) => [path.split('.').at(-1) ?? '', await numbers(leaf)] as const,
    );
    return new Map(await Promise.all(named));
  };
  const largest = (values: readonly number[] = []): number => Math.max(...values.map(Math.abs));
  const plain = await firstOf(true);
  const bounds: readonly (readonly [string, number])[] = [
    ['A', 1 / Math.sqrt(32)],
    ['B', 1 / Math.sqrt(16)],
    ['logits', 1e-3],
  ];
  expect(largest(plain.get('B'))).toBe(0);
  const found = await firstOf(false);
  for (const [name, bound] of bounds) {
    expect(largest(found.get(name))).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(largest(found.get(name))).toBeGreaterThan(0.95 * bound);
  }
});

test('what PEFT refuses is refused, with the reason', async () => {
  for (const field of ['rank', 'tasks', 'skills', 'splits'])
    expect(() => poly({ [field]: 0 })).toThrow(refusal('invalid-config', field));
  expect(() => adapt(model, { up: poly({ splits: 4 }) })).toThrow(
    refusal('unsupported', '4 inputs and 6 outputs cannot be cut into 4 equal parts'),
  );
  const tuned = await trainedForm(adapt(model, { '*': poly({ tasks: 2, rank: 1 }) }));
  expect(() => tuned.call(x)).toThrow(refusal('invalid-argument', 'applyTasks'));
  expect(() => applyTasks(tuned, idsOf(0, 1, 0)).call(x)).toThrow(
    refusal('shape-mismatch', '[3, ..., in]'),
  );
  for (const other of [2, -1])
    await expect(evaluate(applyTasks(tuned, idsOf(0, 1, other, 0)).call(x))).rejects.toThrow(
      refusal('index-out-of-range'),
    );
  expect(() => merge(tuned)).toThrow(refusal('unsupported'));
  const files = await filesOf(tuned);
  await expect(
    decodeAdapter(model, await withConfig(files, { poly_type: 'soft' })),
  ).rejects.toThrow(refusal('unsupported', 'poly_type'));
  await expect(decodeAdapter(model, await withConfig(files, { n_tasks: 3 }))).rejects.toThrow(
    refusal('shape-mismatch'),
  );
  expect(Object.keys(files.config)).toEqual(
    Object.keys(
      JSON.parse(readFileSync(`${goldenPath('poly', 'poly')}/adapter_config.json`, 'utf8')),
    ),
  );
});

/** A model with other values of what trains, by the last names. */
function combineWith<T>(tuned: T, values: Readonly<Record<string, Tensor>>): T {
  const [live, frozen] = partition(tuned, isTrainable);
  return combine(
    mapTensors(live, (leaf, path) => values[path.at(-1) ?? ''] ?? leaf),
    frozen,
  );
}
