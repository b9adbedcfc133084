import { readFileSync } from 'node:fs';
import { Context, combine, Linear, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterRows,
  convertToLora,
  decodeAdapter,
  decodeWithoutBase,
  encodeAdapter,
  initializeVelora,
  isTrainable,
  lora,
  type Method,
  mixBatch,
  readPeftKeys,
  stepMemory,
  type VeloraConfig,
  type VeloraProjection,
  velora,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import {
  compile,
  grad,
  isFloat,
  mapTensors,
  normal,
  randomKey,
  sliceAxis,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, type OneLayer, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import { expectFiles, expectMerged, reference, Stack } from './stackModel.ts';

const training = Context.training(randomKey(7));

/** Where PEFT has a parameter of ours. */
function keyOf(path: string): string {
  return path
    .replace(/weight\.parameters\.(A|B)$/, 'lora_$1.weight')
    .replace('bias.parameters.bias', 'lora_B.bias');
}

describe.each(['velora', 'velora-once', 'velora-random', 'velora-pissa', 'velora-eva'])(
  'what PEFT trained as %s',
  (name) => {
    test('gives the outputs and the merged weights of PEFT', async () => {
      const { dir, io, value } = await reference(name);
      const tuned = await loadAdapter(new Stack(io), dir);
      await expectClose(tuned.call(value('x'), training), value('y'));
      await expectClose(tuned.call(value('x')), value('y'));
      await expectMerged(tuned, io);
    });

    test('has the gradients of PEFT in training', async () => {
      const { dir, io, value: stored } = await reference(name);
      // In f64: the attention of the stack is so steep that two roundings to f32 differ by 2e-4 of the largest number.
      const value = (key: string): Tensor => stored(key).cast('f64');
      const tuned = mapTensors(await loadAdapter(new Stack(io), dir), (leaf) =>
        isFloat(leaf.dtype) ? leaf.cast('f64') : leaf,
      );
      const [live, frozen] = partition(tuned, isTrainable);
      const loss = (part: typeof live, x: Tensor): Tensor =>
        combine(part, frozen).call(x, training).mul(value('weights')).sum();
      const slopes = grad((part: typeof live) => loss(part, value('x')))(live);
      const found = new Map(paths(slopes).map(([path, slope]) => [`grad.${keyOf(path)}`, slope]));
      found.set('grad.x', grad((x: Tensor) => loss(live, x))(value('x')));
      const keys = [...io.keys()].filter((key) => key.startsWith('grad.'));
      expect([...found.keys()].sort()).toEqual(keys.sort());
      for (const [key, slope] of found) await expectClose(slope, value(key), 2e-5);
    });

    test('is written again with the same config and tensors, bit by bit', async () => {
      const { dir, io } = await reference(name);
      await expectFiles(await loadAdapter(new Stack(io), dir), dir);
    });
  },
);

test.each(['velora-corda', 'velora-lora-ga'])(
  '%s, which PEFT converts into LoRA of twice the rank, is LoRA without the mark that PEFT leaves',
  async (name) => {
    const { dir, io, value } = await reference(name);
    await expect(loadAdapter(new Stack(io), dir)).rejects.toThrow(
      refusal('missing-tensor', 'lora_velora_embed'),
    );
    const json = JSON.parse(readFileSync(`${dir}/adapter_config.json`, 'utf8'));
    const tensors = await openSafetensors(`${dir}/adapter_model.safetensors`);
    const files = { config: { ...json, velora_config: null }, tensors };
    const tuned = await decodeAdapter(new Stack(io), files);
    await tensors.close();
    await expectClose(tuned.call(value('x')), value('y'));
    await expectMerged(tuned, io);
  },
);

const model = oneLayer(3, 5);
const x = normal(randomKey(2), [4, 5]);
const parameters = { A: normal(randomKey(3), [2, 5]), B: normal(randomKey(4), [3, 2]) };

function put(projection: Partial<VeloraProjection>, dropout = 0): OneLayer {
  return tunedBy(velora({ rank: 2, alpha: 2, dropout, veloraConfig: projection }));
}

function tunedBy(how: Method<VeloraConfig> | ReturnType<typeof lora>): OneLayer {
  return withParameters(adapt(model, { part: how }), parameters);
}

/** The derivative of the sum of the outputs by a parameter, in training. */
function slopeBy(tuned: OneLayer, name: 'A' | 'B', input: Tensor = x): Tensor {
  return grad((value: Tensor) =>
    withParameters(tuned, { [name]: value })
      .part.call(input, training)
      .sum(),
  )(tensorOf(tuned, `parameters.${name}`));
}

test('the derivative by A is of the inputs, projected in each group onto the direction', async () => {
  const scale = 3;
  const tuned = put({ numGroups: 2, scale, initType: 'random' });
  const direction = await numbers(tensorOf(tuned, 'frozen.direction'));
  expect(direction.length).toBe(3);
  expect(Math.hypot(...direction)).toBeCloseTo(1, 5);
  const inputs = await numbers(x);
  // By rows of 5 features: a group of 3, and one of 2 that lacks one.
  const seen = inputs.map((_, i) => {
    const [row, feature] = [Math.floor(i / 5), i % 5];
    const group = Math.floor(feature / 3);
    const part = [0, 1, 2].map((d) =>
      3 * group + d < 5 ? (inputs[5 * row + 3 * group + d] ?? 0) * (direction[d] ?? 0) : 0,
    );
    return scale * part.reduce((sum, value) => sum + value) * (direction[feature % 3] ?? 0);
  });
  const asSeen = slopeBy(tunedBy(lora({ rank: 2, alpha: 2 })), 'A', tensor(seen, [4, 5]));
  await expectClose(slopeBy(tuned, 'A'), asSeen);
  await expectClose(slopeBy(tuned, 'B'), slopeBy(tunedBy(lora({ rank: 2, alpha: 2 })), 'B'));
});

test('inputs that are their own projections have the derivatives of LoRA', async () => {
  const tuned = put({ numGroups: 5 });
  await expectClose(slopeBy(tuned, 'A'), slopeBy(tunedBy(lora({ rank: 2, alpha: 2 })), 'A'));
  const nothing = slopeBy(put({ numGroups: 2 }), 'A', zeros([4, 5]));
  expect(new Set(await numbers(nothing))).toEqual(new Set([0]));
});

test('values are those of LoRA in training too, to the bit, with the same dropout', async () => {
  const plain = tunedBy(lora({ rank: 2, alpha: 2, dropout: 0.5 }));
  for (const initType of ['batch_average', 'batch_average_once', 'random'] as const)
    await expectClose(
      put({ numGroups: 2, initType }, 0.5).part.call(x, training),
      plain.part.call(x, training),
      0,
    );
});

test('a step keeps less for the backward pass than with LoRA', () => {
  const side = 64;
  const layers = [0, 1, 2, 3].map((i) => new Linear(normal(randomKey(i), [side, side]), null));
  const input = zeros([256, side]);
  const bytesWith = (how: Method<VeloraConfig> | ReturnType<typeof lora>): number => {
    const tuned = adapt({ layers }, { 'layers.*': how });
    const loss = (tree: typeof tuned): Tensor =>
      tree.layers.reduce((state, layer) => layer.call(state, training), input).sum();
    return stepMemory(tuned, { loss }).intermediates ?? 0;
  };
  const rank = 2;
  const plain = bytesWith(lora({ rank }));
  const compressed = bytesWith(
    velora({ rank, veloraConfig: { numGroups: 4, initType: 'random' } }),
  );
  const average = bytesWith(velora({ rank, veloraConfig: { numGroups: 4 } }));
  const input4 = 256 * side * 4;
  // All layers but the first have an input of their own that LoRA keeps.
  expect(plain - compressed).toBeGreaterThan(2 * input4);
  expect(plain - average).toBeGreaterThan(2 * input4);
});

test('a direction of a first batch is made from data, and stays in compiled steps', async () => {
  const tuned = put({ numGroups: 2, initType: 'batch_average_once' });
  expect(await numbers(tensorOf(tuned, 'frozen.direction'))).toEqual([0, 0, 0]);
  await expectClose(slopeBy(tuned, 'A'), slopeBy(put({ numGroups: 2 }), 'A'), 0);
  const first = tensor([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [2, 5]);
  const made = await initializeVelora(tuned, {
    batches: [first],
    call: (tree, batch) => tree.part.call(batch, Context.evaluation),
  });
  const sums = [5, 7, 3].map((value) => value / Math.hypot(5, 7, 3));
  await expectClose(tensorOf(made, 'frozen.direction'), tensor(sums, [3]));
  const ofFirst = slopeBy(put({ numGroups: 2 }), 'A', first);
  await expectClose(slopeBy(made, 'A', first), ofFirst);
  const [own, other] = [slopeBy(made, 'A'), slopeBy(tuned, 'A')];
  expect(await numbers(own)).not.toEqual(await numbers(other));
  await expectClose(compile((tree: OneLayer) => slopeBy(tree, 'A'))(made), own, 1e-6);
});

test('an adapter that takes no direction from data is refused', async () => {
  const options = { batches: [x], call: (tree: OneLayer) => tree.part.call(x, training) };
  for (const how of [velora({ rank: 2 }), lora({ rank: 2 })])
    await expect(initializeVelora(adapt(model, { part: how }), options)).rejects.toThrow(
      refusal('invalid-argument', 'takes no direction from data'),
    );
  await expect(initializeVelora(model, options)).rejects.toThrow(refusal('no-match'));
  const tuned = put({ initType: 'batch_average_once' });
  await expect(initializeVelora(tuned, { batches: [], call: () => null })).rejects.toThrow(
    refusal('unsupported', 'no batch gave the layer an input'),
  );
});

test('rows with adapters of their own have these derivatives too', async () => {
  const how = velora({ rank: 2, alpha: 2, veloraConfig: { numGroups: 2, initType: 'random' } });
  const tuned = tunedBy(how);
  const batch = normal(randomKey(6), [2, 4, 5]);
  const rows = adapterRows(tuned, ['default', null]);
  const slope = grad((value: Tensor) =>
    mixBatch(withParameters(tuned, { A: value }), rows)
      .part.call(batch, training)
      .sum(),
  )(tensorOf(tuned, 'parameters.A'));
  await expectClose(slope, slopeBy(tuned, 'A', sliceAxis(batch, 0, 0, 1)));
});

test('no matrix of the size of the weight or of the inputs in groups is made for it', () => {
  const { part } = adapt(oneLayer(192, 240), { part: velora({ rank: 2 }) });
  expect(largestResult(part, zeros([2, 240]), training)).toBeLessThan(192 * 240);
});

test('what is trained is LoRA: it is converted, and read without its base', async () => {
  const tuned = await trainedForm(adapt(model, { part: velora({ rank: 2 }) }));
  await expectClose(changeOf(model, convertToLora(tuned)), changeOf(model, tuned), 0);
  expect(() => readPeftKeys(encodeAdapter(tuned))).toThrow(refusal('unsupported', 'velora_config'));
  const files = await withConfig(await filesOf(tuned));
  expect(await decodeWithoutBase(files)).toBeDefined();
});

test('what PEFT refuses is refused, with the reason', async () => {
  for (const numGroups of [0, 1.5])
    expect(() => velora({ veloraConfig: { numGroups } })).toThrow(
      refusal('invalid-config', 'veloraConfig.numGroups'),
    );
  for (const scale of [0, -1])
    expect(() => velora({ veloraConfig: { scale } })).toThrow(
      refusal('invalid-config', 'veloraConfig.scale'),
    );
  expect(() => velora({ loraBias: true, initLoraWeights: 'gaussian' })).toThrow(
    refusal('invalid-config', 'loraBias'),
  );
  const tuned = await trainedForm(adapt(model, { part: velora({ rank: 2 }) }));
  const files = await filesOf(tuned);
  for (const [key, value] of [
    ['use_dora', true],
    ['init_lora_weights', 'mica'],
    ['use_bdlora', { nblocks: 2 }],
    ['use_qalora', true],
    ['kasa_config', { beta: 1, gamma: 1 }],
    ['monteclora_config', { num_samples: 2 }],
  ] as const)
    await expect(decodeAdapter(model, await withConfig(files, { [key]: value }))).rejects.toThrow(
      refusal('unsupported'),
    );
  for (const [wrong, code] of [
    [{ init_type: 'first' }, 'unsupported'],
    [{ rank: 1 }, 'invalid-config'],
  ] as const)
    await expect(
      decodeAdapter(model, await withConfig(files, { velora_config: wrong })),
    ).rejects.toThrow(refusal(code));
  const waiting = adapt(model, { part: velora({ rank: 2, invocationTokens: [1] }) });
  expect(() => encodeAdapter(waiting)).toThrow(refusal('unsupported', 'alora_invocation_tokens'));
});
