import { moduleAdapterLaws } from '@lorikeet/laws';
import { Linear } from '@lorikeet/nn';
import { adapt, decodeAdapter, encodeAdapter, lily, lilyVariant, lora } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { evaluate, normal, randomKey, sliceAxis } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, refusal, trainablePaths, trainedForm } from '../support.ts';
import { expectFiles, randomStack, reference, Stack, slopesOf } from './stackModel.ts';

describe.each(['lily-names', 'lily-pattern', 'lily-layers'])('what PEFT trained as %s', (name) => {
  test('gives the outputs of PEFT, for a batch and for its rows', async () => {
    const { dir, io, value } = await reference(name);
    const model = new Stack(io);
    const asInPeft = await loadAdapter(model, dir, { compat: 'peft' });
    await expectClose(asInPeft.call(value('x')), value('y'));
    await expectClose((await loadAdapter(model, dir)).call(value('x')), value('rows'));
  });

  test('has the gradients of PEFT, of what modules share too', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir, { compat: 'peft' });
    const parts: Readonly<Record<string, string>> = {
      'A.value': 'lily_A.weight',
      'B.value': 'lily_B.weight',
      router: 'lily_router.weight',
    };
    const found = slopesOf(tuned, value).map(([path, slope]) => {
      const [place = '', part = ''] = path.split('.adapters.0.parameters.');
      return [`grad.${place}.${parts[part]}`, slope] as const;
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

const model = randomStack();
const x = normal(randomKey(99), [2, 5, 4]);

test('layers of one name and shape have their B in common, and runs of them their A', () => {
  const tuned = adapt(model, { '**.{q,v}': lily({ strideA: 2 }) });
  const own = (layer: number, name: string, parts: readonly string[]): string[] =>
    parts.map((part) => `stack.layers.${layer}.${name}.adapters.0.parameters.${part}`);
  expect(trainablePaths(tuned)).toEqual([
    ...own(0, 'q', ['A.value', 'B.value', 'router']),
    ...own(0, 'v', ['A.value', 'B.value', 'router']),
    ...own(1, 'q', ['router']),
    ...own(1, 'v', ['router']),
    ...own(2, 'q', ['A.value', 'router']),
    ...own(2, 'v', ['A.value', 'router']),
  ]);
});

test('what is saved selects just its modules, and shares again when it is loaded', async () => {
  const how = lily({ strideA: 2, rank: 2 });
  const spec = { 'stack.layers.{0,2}.q': how, 'stack.layers.*.o': how };
  const tuned = await trainedForm(adapt(model, spec));
  const files = await filesOf(tuned);
  expect(files.config).toMatchObject({
    peft_type: 'LILY',
    target_modules: ['o', 'q'],
    exclude_modules: ['stack.layers.1.q'],
  });
  expect(files.config).not.toHaveProperty('lorikeet_compat');
  const loaded = await decodeAdapter(model, await withConfig(files));
  await expectClose(loaded.call(x), tuned.call(x), 0);
  expect(trainablePaths(loaded)).toEqual(trainablePaths(tuned));
  expect((await filesOf(loaded)).config).toEqual(files.config);
});

test('one token counts by itself, with an axis of tokens or without, as beside its like', async () => {
  const tuned = await trainedForm(adapt(model, { '**.{q,v,o}': lily({ rank: 2, numB: 3 }) }));
  const token = sliceAxis(x, 1, 0, 1); // [2, 1, 4]
  const twice = tuned.call(token.broadcastTo([2, 2, 4]));
  await expectClose(tuned.call(token), sliceAxis(twice, 1, 0, 1));
  await expectClose(tuned.call(token.reshape([2, 4])), sliceAxis(twice, 1, 1, 1).reshape([2, 4]));
});

test('lies on adapters of weights, and on a batch of many tokens forms nothing of the size of the weight', async () => {
  const inner = await trainedForm(adapt(model, { '**.q': lora({ rank: 1 }) }, { name: 'inner' }));
  const both = adapt(inner, { '**.q': lily({ rank: 2 }) });
  await expectClose(both.call(x), inner.call(x));
  const wide = { part: new Linear(normal(randomKey(1), [240, 192]), null) };
  const { part } = await evaluate(adapt(wide, { part: lily({ rank: 2 }) }));
  expect(largestResult(part, normal(randomKey(2), [1, 3, 192]))).toBeLessThan(192 * 240);
});

test('what PEFT refuses is refused, with the reason', async () => {
  expect(() => lily({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => lily({ strideA: 0 })).toThrow(refusal('invalid-config', 'strideA'));
  expect(() => lily({ numB: 1 })).toThrow(refusal('invalid-config', 'numB'));
  const { dir, io } = await reference('lily-names');
  const files = await filesOf(await loadAdapter(new Stack(io), dir));
  const load = async (changes: Readonly<Record<string, unknown>>): Promise<unknown> =>
    decodeAdapter(new Stack(io), await withConfig(files, changes));
  await expect(load({ target_modules: ['q', 'w'] })).rejects.toThrow(refusal('no-match', 'w'));
  await expect(load({ layers_pattern: 'layers' })).rejects.toThrow(refusal('invalid-config'));
  // Of one name, all would have the B of the first.
  await expect(load({ target_modules: '.*(q|v)' })).rejects.toThrow(
    refusal('unexpected-tensor', 'repeats a tensor that modules share'),
  );
});

test('names of which PEFT takes one for the end of another are not written', () => {
  const line = (): Linear => new Linear(normal(randomKey(1), [4, 4]), null);
  const tuned = adapt({ proj: line(), q_proj: line() }, { '*': lily() });
  expect(() => encodeAdapter(tuned)).toThrow(refusal('unsupported', 'tell these names apart'));
});

test('its laws notice a trait that is wrong about the rows of a batch', async () => {
  for (const claim of [true, false]) {
    const traits = { ...lilyVariant.traits, mixesRows: () => claim };
    const laws = moduleAdapterLaws({ ...lilyVariant, traits });
    const rows = laws.find(({ name }) => name.includes('rows one by one'));
    await expect(rows?.check({ seed: 1, runs: 5 })).rejects.toThrow('the law does not hold');
  }
});
