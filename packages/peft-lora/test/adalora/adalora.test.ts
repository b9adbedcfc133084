import { adam, applyUpdates, combine, type Part, partition, sgd } from '@lorikeet/nn';
import {
  type AdaloraOptions,
  AdaptedWeight,
  adalora,
  adapt,
  adapterLayers,
  adapterOptimizer,
  adapterPenalty,
  decodeAdapter,
  isTrainable,
  merge,
  trimRanks,
} from '@lorikeet/peft-lora';
import {
  alias,
  compile,
  evaluate,
  grad,
  mapTensors,
  randomKey,
  type Tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from '../support.ts';

const model = new Small();
const options: AdaloraOptions = {
  initRank: 3,
  targetRank: 1,
  totalSteps: 6,
  tInit: 1,
  tFinal: 2,
};

function tune(more: Partial<AdaloraOptions> = {}): Small {
  return adapt(model, { '**.{query,value}': adalora({ ...options, ...more }) });
}

/** The singular values of each place. */
async function singularValues(tuned: unknown): Promise<number[][]> {
  const found = adapterLayers(tuned).flatMap(({ layer }) =>
    layer instanceof AdaptedWeight ? [layer.parameters.E] : [],
  );
  return await Promise.all(found.map((E) => (E === undefined ? [] : numbers(E))));
}

/** The model after some steps, with the number of singular values that are left after each. */
async function trained(tuned: Small, steps: number): Promise<{ model: Small; left: number[] }> {
  const [first, frozen] = partition(tuned, isTrainable);
  const loss = (live: Part<Small>): Tensor => {
    const whole = combine(live, frozen);
    return whole.call(ids).mul(whole.call(ids)).sum().add(adapterPenalty(whole));
  };
  const optimizer = adapterOptimizer(sgd({ learningRate: 1e-3 }));
  let [live, state] = [first, optimizer.init(first)];
  const left: number[] = [];
  for (let i = 0; i < steps; i++) {
    const update = optimizer.update(grad(loss)(live), state, live);
    [live, state] = [
      await evaluate(applyUpdates(live, update.updates)),
      await evaluate(update.state),
    ];
    const values = (await singularValues(combine(live, frozen))).flat();
    left.push(values.filter((value) => value !== 0).length);
  }
  return { model: combine(live, frozen), left };
}

describe('training with a budget', () => {
  test('leaves as many singular values as the schedule says', async () => {
    const start = await trainedForm(tune());
    expect((await trained(start, 6)).left).toEqual([12, 12, 6, 4, 4, 4]);
  });

  test('allocates every deltaT steps, and when the schedule ends', async () => {
    const start = await trainedForm(tune({ deltaT: 3 }));
    // After step 3 it allocates; in step 4 all train again, and the end of the schedule allocates at once.
    expect((await trained(start, 6)).left).toEqual([12, 12, 12, 4, 4, 4]);
    const longer = await trainedForm(tune({ deltaT: 3, totalSteps: 8 }));
    expect((await trained(longer, 8)).left).toEqual([12, 12, 12, 5, 12, 12, 4, 4]);
  });

  test('takes nothing away where the first rank is the last: PEFT fails there', async () => {
    const start = await trainedForm(tune({ targetRank: 3 }));
    expect((await trained(start, 4)).left).toEqual([12, 12, 12, 12]);
  });

  test('does nothing without adapterOptimizer, and adapterOptimizer nothing to other methods', async () => {
    const [live] = partition(model, () => true);
    const plain = sgd({ learningRate: 1 });
    const wrapped = adapterOptimizer(plain);
    const updates = (optimizer: typeof plain | typeof wrapped): unknown =>
      (optimizer as typeof plain).update(live, (optimizer as typeof plain).init(live), live)
        .updates;
    const [a, b] = [updates(plain), updates(wrapped)] as [Small, Small];
    expect(await numbers(b.words.weight as Tensor)).toEqual(
      await numbers(a.words.weight as Tensor),
    );
  });

  test('gives the same compiled, with the memory of the step before', async () => {
    const [first, frozen] = partition(await trainedForm(tune()), isTrainable);
    const optimizer = adapterOptimizer(adam({ learningRate: 0.01 }));
    type Live = typeof first;
    type State = ReturnType<typeof optimizer.init>;
    const step = (live: Live, state: State): [Live, State] => {
      const gradient = grad((part: Live) => combine(part, frozen).call(ids).sum())(live);
      const update = optimizer.update(gradient, state, live);
      return [applyUpdates(live, update.updates), update.state];
    };
    const compiled = compile(step, { donate: [0, 1] });
    const copy = <T>(tree: T): T => mapTensors(tree, alias);
    let [live, state] = await evaluate(copy([first, optimizer.init(first)] as const));
    let [eager, kept] = [first, optimizer.init(first)];
    for (let i = 0; i < 4; i++) {
      [live, state] = compiled(live, state);
      [eager, kept] = await evaluate(step(eager, kept));
    }
    const [fast, slow] = [live, eager].map((part) => singularValues(combine(part, frozen)));
    for (const [i, values] of ((await fast) ?? []).entries())
      for (const [j, value] of values.entries())
        expect(value).toBeCloseTo((await slow)?.[i]?.[j] ?? Number.NaN, 5);
    expect((await fast)?.flat().filter((value) => value === 0)).toHaveLength(8);
  });

  test('refuses a state of other adapters', () => {
    const [live] = partition(tune(), isTrainable);
    const optimizer = adapterOptimizer(sgd({ learningRate: 1 }));
    const state = { ...optimizer.init(live), rules: [] };
    expect(() => optimizer.update(live, state, live)).toThrow(
      refusal('tree-mismatch', '1 adapters'),
    );
  });
});

describe('the penalty', () => {
  test('is 0 for orthonormal factors, and for a model without such adapters', async () => {
    expect(await adapterPenalty(model).item()).toBe(0);
    const fresh = tune();
    // Factors are near 0 at first, so that each is as far from orthonormal as the identity is large.
    expect(await adapterPenalty(fresh).item()).toBeCloseTo(0.5 * Math.sqrt(3), 1);
    expect(await adapterPenalty(tune({ orthRegWeight: 1 })).item()).toBeCloseTo(Math.sqrt(3), 1);
  });
});

describe('trimRanks', () => {
  test('changes no output, and leaves only what is not 0', async () => {
    const { model: tuned } = await trained(await trainedForm(tune()), 6);
    const trimmed = await trimRanks(tuned);
    await expectClose(trimmed.call(ids), tuned.call(ids), 1e-6);
    await expectClose(merge(trimmed).call(ids), tuned.call(ids), 1e-6);
    const values = (await singularValues(trimmed)).flat();
    expect(values).toHaveLength(4);
    expect(values).not.toContain(0);
  });

  test("gives the file PEFT's rank_pattern, which loads again", async () => {
    const { model: tuned } = await trained(await trainedForm(tune()), 6);
    const trimmed = await trimRanks(tuned);
    const files = await filesOf(trimmed);
    const pattern = files.config.rank_pattern as Record<string, boolean[]>;
    expect(Object.keys(pattern)).toEqual(
      [0, 1].flatMap((i) => ['query', 'value'].map((name) => `encoder.layer.${i}.${name}.lora_E`)),
    );
    const before = await singularValues(tuned);
    expect(Object.values(pattern)).toEqual(before.map((own) => own.map((value) => value !== 0)));
    const loaded = await decodeAdapter(model, await withConfig(files));
    await expectClose(loaded.call(ids), trimmed.call(ids), 0);
    expect((await filesOf(loaded)).config).toEqual(files.config);
  });

  test('may leave a place with nothing, and can be done twice', async () => {
    const rankPattern = { 'layer.0.query.lora_E': [false, false, false] };
    const start = await trainedForm(tune({ rankPattern }));
    expect((await singularValues(start)).map(({ length }) => length)).toEqual([0, 3, 3, 3]);
    const { model: tuned } = await trained(start, 6);
    const once = await trimRanks(tuned);
    const twice = await trimRanks(once);
    await expectClose(twice.call(ids), tuned.call(ids), 1e-6);
    expect((await filesOf(twice)).config).toEqual((await filesOf(once)).config);
  });

  test('refuses an adapter that has no budget, or was not trained', async () => {
    await expect(trimRanks(tune())).rejects.toThrow(refusal('invalid-argument', 'is 0'));
    await expect(trimRanks(tune(), 'other')).rejects.toThrow(refusal('no-match'));
  });
});

describe('the config', () => {
  test.each([
    [{ tInit: 4 }, 'leave no step'],
    [{ targetRank: 4 }, 'above initRank'],
    [{ rankPattern: { 'query.lora_E': [true] } }, 'not one entry'],
    [{ beta1: 1 }, 'beta1'],
    [{ orthRegWeight: 0 }, 'orthRegWeight'],
    [{ totalSteps: 0 }, 'totalSteps'],
  ])('refuses %j', (wrong, part) => {
    expect(() => adalora({ ...options, ...wrong })).toThrow(refusal('invalid-config', part));
  });

  test('scales by the rank at first if alpha is not above 0', async () => {
    const [zero, three] = [0, 3].map((alpha) =>
      trainedForm(
        adapt(model, { classifier: adalora({ ...options, alpha }) }, { key: randomKey(1) }),
      ),
    );
    await expectClose(
      (await (zero as Promise<Small>)).call(ids),
      (await (three as Promise<Small>)).call(ids),
      0,
    );
  });

  test('takes what PEFT itself never reads, whatever it is, and keeps it', async () => {
    const files = await filesOf(await trainedForm(tune()));
    const loaded = await decodeAdapter(model, await withConfig(files, { r: 4, use_rslora: true }));
    expect((await filesOf(loaded)).config).toMatchObject({ r: 4, use_rslora: true });
    await expect(decodeAdapter(model, await withConfig(files, { use_dora: true }))).rejects.toThrow(
      refusal('unsupported', 'use_dora'),
    );
  });
});
