import { Context, combine, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterPenalty,
  convertToLora,
  decodeAdapter,
  decodeWithoutBase,
  encodeAdapter,
  isTrainable,
  lora,
  type MontecloraSampling,
  monteclora,
  readPeftKeys,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import {
  cast,
  compile,
  grad,
  normal,
  randomKey,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { readAll } from '../peft/goldenModel.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { drawsIn, ofAdapter, ofPenalty } from './montecloraDraws.ts';
import { changeOf, type OneLayer, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import { expectFiles, expectMerged, reference, Stack } from './stackModel.ts';

const training = Context.training(randomKey(7));

/** Where PEFT has a parameter of ours. */
function keyOf(path: string): string {
  return path
    .replace(/weight\.parameters\.(A|B)$/, 'lora_$1.weight')
    .replace('weight.parameters.stdPrior', 'lora_monteclora_sampler.std_prior')
    .replace('weight.parameters.expertWeightsPrior', 'lora_monteclora_sampler.expert_weights_prior')
    .replace('bias.parameters.bias', 'lora_B.bias');
}

describe.each([
  ['monteclora', 3],
  ['monteclora-bias', 2],
])('what PEFT trained as %s', (name, samples) => {
  test('was given the numbers that are drawn here', async () => {
    const { dir } = await reference(name);
    const file = await openSafetensors(`${dir}/noise.safetensors`);
    const noise = await readAll(file);
    await file.close();
    expect(noise.size).toBe(2 * 6 * 3);
    for (const [key, value] of noise) {
      const [draw = '', ...parts] = key.split('.');
      const [path, kind] = [parts.slice(0, -1).join('.'), parts.at(-1) ?? ''];
      const [, rank = 0, inputs = 0] = noise.get(`${draw}.${path}.samples`)?.shape ?? [];
      const context = draw === 'call' ? ofAdapter(training) : ofPenalty(training, path);
      const drawn = drawsIn(context, { samples, rank, inputs });
      await expectClose(new Map(Object.entries(drawn)).get(kind) ?? zeros([]), value, 1e-6);
    }
  });

  test('gives the outputs of PEFT in training, in evaluation and merged', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    await expectClose(tuned.call(value('x'), training), value('y'));
    await expectClose(tuned.call(value('x')), value('evaluated'));
    await expectMerged(tuned, io);
  });

  test('has the gradients of PEFT, of its output and of its penalty', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir, { compat: 'peft' });
    const [live, frozen] = partition(tuned, isTrainable);
    const ofOutput = (part: typeof live): Tensor =>
      combine(part, frozen).call(value('x'), training).mul(value('weights')).sum();
    const ofPenalty = (part: typeof live): Tensor =>
      adapterPenalty(combine(part, frozen), training);
    await expectClose(ofPenalty(live), value('penalty'));
    for (const [start, slopes] of [
      ['grad', paths(grad(ofOutput)(live))],
      ['slope', paths(grad(ofPenalty)(live))],
    ] as const) {
      const found = slopes.map(([path, slope]) => [`${start}.${keyOf(path)}`, slope] as const);
      const keys = [...io.keys()].filter((key) => key.startsWith(`${start}.`));
      expect(found.map(([key]) => key).sort()).toEqual(keys.sort());
      for (const [key, slope] of found) await expectClose(slope, value(key), 1e-4);
    }
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, io } = await reference(name);
    await expectFiles(await loadAdapter(new Stack(io), dir), dir);
  });
});

const model = oneLayer(3, 5);
const x = normal(randomKey(2), [4, 5]);

function put(sampling: Partial<MontecloraSampling>, compat?: 'peft'): OneLayer {
  const how = monteclora({
    rank: 2,
    alpha: 2,
    initLoraWeights: false,
    montecloraConfig: sampling,
    ...(compat === undefined ? {} : { compat }),
  });
  return adapt(model, { part: how });
}

/** The divergence of concentrations from a prior, in the penalty. */
async function divergence(
  concentrations: readonly number[],
  dirichletPrior: number,
  compat?: 'peft',
): Promise<number> {
  const numSamples = concentrations.length;
  const tuned = put({ numSamples, dirichletPrior, klLossWeight: 1 }, compat);
  const penalty = async (values: readonly number[]): Promise<number> => {
    const logits = values.map(Math.log);
    const parameters = {
      stdPrior: cast(zeros([2]), 'f64'),
      expertWeightsPrior: tensor(logits, [numSamples], 'f64'),
    };
    return await adapterPenalty(withParameters(tuned, parameters), training).item();
  };
  // What does not depend on the weights is the same with the prior, which has no divergence from itself.
  return (await penalty(concentrations)) - (await penalty(Array(numSamples).fill(dirichletPrior)));
}

test('the divergence of a Dirichlet distribution is that of the textbook', async () => {
  // By the values of the gamma and digamma functions at whole numbers and halves.
  expect(await divergence([2, 3], 1)).toBeCloseTo(Math.log(12) - 2.25, 10);
  expect(await divergence([0.5, 0.5], 1)).toBeCloseTo(2 * Math.LN2 - Math.log(Math.PI), 10);
  expect(await divergence([1, 1, 2], 1)).toBeCloseTo(Math.log(3) - (11 / 6 - 1), 10);
  for (const prior of [0.1, 1, 30])
    for (const others of [
      [0.01, 2],
      [40, 0.5],
      [7, 9],
    ])
      expect(await divergence(others, prior)).toBeGreaterThan(0);
});

test('in PEFT the term of each concentration has the other sign; compat gives that', async () => {
  const each = Math.log(2);
  expect(await divergence([2, 3], 1, 'peft')).toBeCloseTo(Math.log(12) - 2.25 + 2 * each, 10);
  expect(await divergence([0.9, 0.9], 0.1, 'peft')).toBeLessThan(0);
});

test('the divergences of deviations are 0 where they are those of the prior', async () => {
  const tuned = put({ numSamples: 2, dirichletPrior: 1, klLossWeight: 1 });
  const slope = async (deviation: number): Promise<number[]> =>
    await numbers(
      grad((stdPrior: Tensor) =>
        adapterPenalty(
          withParameters(tuned, { stdPrior, expertWeightsPrior: zeros([2]) }),
          training,
        ),
      )(tensor([deviation, deviation], [2])),
    );
  const { wishart } = drawsIn(ofPenalty(training, 'part'), { samples: 2, rank: 2, inputs: 5 });
  const drawn = await numbers(wishart);
  // Of the Wishart distribution R (s² - 1), and of two normal ones with the variances s² w.
  for (const deviation of [0, 0.3]) {
    const square = Math.exp(2 * deviation);
    const expected = drawn.map((w) => 2 * (square - 1) + 2 * (square * w - 1));
    for (const [i, value] of (await slope(deviation)).entries())
      expect(value).toBeCloseTo(expected[i] ?? 0, 4);
  }
});

test('entropy is asked for apart: the squares of the weights of the samples', async () => {
  const logits = { expertWeightsPrior: tensor([1, 0], [2]) };
  const penalty = (useEntropy: boolean): Promise<number> => {
    const tuned = put({ numSamples: 2, useEntropy, klLossWeight: 0 });
    return adapterPenalty(withParameters(tuned, logits), training).item();
  };
  expect(await penalty(false)).toBe(0);
  const squares = await penalty(true);
  expect(squares).toBeGreaterThan(0.5);
  expect(squares).toBeLessThan(1);
});

test('evaluation, and training without a change, are LoRA to the bit', async () => {
  const plain = adapt(model, { part: lora({ rank: 2, alpha: 2, dropout: 0.5 }) });
  const parameters = { A: normal(randomKey(3), [2, 5]), B: normal(randomKey(4), [3, 2]) };
  const ofLora = withParameters(plain, parameters).part;
  const how = (sampleScaler: number): OneLayer => {
    const own = monteclora({ rank: 2, alpha: 2, dropout: 0.5, montecloraConfig: { sampleScaler } });
    return withParameters(adapt(model, { part: own }), parameters);
  };
  const still = how(0).part.call(x, training);
  await expectClose(still, ofLora.call(x, training), 0);
  const [calm, drawn] = [Context.evaluation, how(1).part];
  await expectClose(drawn.call(x, calm), ofLora.call(x, calm), 0);
  expect(await numbers(drawn.call(x, training))).not.toEqual(await numbers(still));
});

test('each step of a compiled training draws anew, by its key alone', async () => {
  const tuned = put({ sampleScaler: 1, useEntropy: true });
  const step = compile((tree: OneLayer, key: Tensor) => {
    const context = Context.training(key);
    return [tree.part.call(x, context).sum(), adapterPenalty(tree, context)];
  });
  const run = async (seed: number): Promise<number[]> =>
    (await Promise.all(step(tuned, randomKey(seed)).map(numbers))).flat();
  const [first, again, other] = [await run(1), await run(1), await run(2)];
  expect(first).toEqual(again);
  expect(first[0]).not.toBe(other[0]);
  expect(first[1]).not.toBe(other[1]);
});

test('the penalty needs a context, and is 0 in evaluation', async () => {
  const tuned = put({ useEntropy: true });
  expect(() => adapterPenalty(tuned)).toThrow(refusal('invalid-argument', 'adapterPenalty'));
  expect(await adapterPenalty(tuned, Context.evaluation).item()).toBe(0);
  expect(await adapterPenalty(adapt(model, { part: lora() })).item()).toBe(0);
});

test('one sample counts whole: nothing trains its weight', async () => {
  const tuned = put({ numSamples: 1, sampleScaler: 1, klLossWeight: 1, useEntropy: true });
  const slope = grad((expertWeightsPrior: Tensor) => {
    const tree = withParameters(tuned, { expertWeightsPrior });
    return tree.part.call(x, training).sum().add(adapterPenalty(tree, training));
  });
  const [value = 1] = await numbers(slope(tensor([0.4], [1])));
  expect(Math.abs(value)).toBeLessThan(1e-5);
});

test('no matrix of the size of the weight is made, nor by derivatives', () => {
  const { part } = adapt(oneLayer(192, 240), { part: monteclora({ rank: 2 }) });
  expect(largestResult(part, zeros([2, 240]), training)).toBeLessThan(192 * 240);
});

test('what is trained is LoRA: it is converted, and read without its base', async () => {
  const tuned = await trainedForm(adapt(model, { part: monteclora({ rank: 2 }) }));
  expect(tensorOf(tuned, 'frozen.expertWeights').shape).toEqual([8]);
  await expectClose(changeOf(model, convertToLora(tuned)), changeOf(model, tuned), 0);
  expect(() => readPeftKeys(encodeAdapter(tuned))).toThrow(
    refusal('unsupported', 'monteclora_config'),
  );
  expect(await decodeWithoutBase(await withConfig(await filesOf(tuned)))).toBeDefined();
});

test('what PEFT refuses is refused, with the reason', async () => {
  for (const [field, value] of [
    ['numSamples', 0],
    ['dirichletPrior', 0],
    ['bufferSize', 0],
  ] as const)
    expect(() => monteclora({ montecloraConfig: { [field]: value } })).toThrow(
      refusal('invalid-config', `montecloraConfig.${field}`),
    );
  expect(() => monteclora({ loraBias: true, initLoraWeights: 'gaussian' })).toThrow(
    refusal('invalid-config', 'loraBias'),
  );
  const tuned = await trainedForm(adapt(model, { part: monteclora({ rank: 2 }) }));
  const files = await filesOf(tuned);
  for (const [key, value] of [
    ['use_dora', true],
    ['init_lora_weights', 'mica'],
    ['use_bdlora', { nblocks: 2 }],
    ['use_qalora', true],
    ['kasa_config', { beta: 1, gamma: 1 }],
    ['velora_config', { num_groups: 2 }],
  ] as const)
    await expect(decodeAdapter(model, await withConfig(files, { [key]: value }))).rejects.toThrow(
      refusal('unsupported'),
    );
  await expect(
    decodeAdapter(model, await withConfig(files, { monteclora_config: { samples: 1 } })),
  ).rejects.toThrow(refusal('invalid-config', 'samples'));
  const waiting = adapt(model, { part: monteclora({ rank: 2, invocationTokens: [1] }) });
  expect(() => encodeAdapter(waiting)).toThrow(refusal('unsupported', 'alora_invocation_tokens'));
});
