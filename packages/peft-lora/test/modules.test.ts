import {
  type AttentionSite,
  at,
  Context,
  GatedMLP,
  type KeyValues,
  Linear,
  mergeHeads,
  type OpenAttention,
  splitHeads,
} from '@lorikeet/nn';
import {
  adapt,
  adaptionPrompt,
  bottleneck,
  compacter,
  describe as describeAdapters,
  disable,
  lora,
  merge,
  moduleAdapters,
  setAdapterWeights,
} from '@lorikeet/peft-lora';
import {
  attention,
  kron,
  matmul,
  normal,
  randomKey,
  relu,
  sliceAxis,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { expectClose, numbers, refusal, trainablePaths, trainedForm } from './support.ts';

const line = (seed: number, outputs = 4, inputs = 4): Linear =>
  new Linear(normal(randomKey(seed), [outputs, inputs]), normal(randomKey(seed + 50), [outputs]));
const x = normal(randomKey(9), [2, 3, 4]);

class Attention implements OpenAttention {
  readonly q: Linear = line(1);
  readonly k: Linear = line(2);
  readonly v: Linear = line(3);
  readonly o: Linear = line(4);

  get attentionSite(): AttentionSite {
    return { width: 4, heads: 2, keyValueHeads: 2, headSize: 2 };
  }

  queries(given: Tensor, context: Context): Tensor {
    return splitHeads(this.q.call(given, context), 2);
  }

  keyValues(given: Tensor, context: Context): KeyValues {
    const [key, value] = [this.k.call(given, context), this.v.call(given, context)];
    return { key: splitHeads(key, 2), value: splitHeads(value, 2) };
  }

  project(attended: Tensor, context: Context): Tensor {
    return this.o.call(attended, context);
  }

  call(given: Tensor, context: Context): Tensor {
    const { key, value } = this.keyValues(given, context);
    return this.project(mergeHeads(attention(this.queries(given, context), key, value)), context);
  }
}

class Model {
  readonly attention: Attention = new Attention();
  readonly mlp: GatedMLP = new GatedMLP(
    { gate_proj: line(5, 6), up_proj: line(6, 6), down_proj: line(7, 4, 6) },
    'silu',
  );

  call(given: Tensor, context: Context = Context.evaluation): Tensor {
    const state = context.call('attention', this.attention, given);
    return context.call('mlp', this.mlp, state);
  }
}

const model = new Model();

test('a bottleneck adds what two layers make of the output, or of the input beside the module', async () => {
  for (const parallel of [false, true]) {
    const options = { size: 3, parallel, scaling: 2 };
    const tuned = await trainedForm(adapt(model, { mlp: bottleneck(options) }));
    const [found] = moduleAdapters(tuned);
    const parameters = Object(found?.adapter.parameters);
    const [down, up]: [Linear, Linear] = [parameters.down, parameters.up];
    const output = model.mlp.call(x, Context.evaluation);
    const middle = relu(down.call(parallel ? x : output, Context.evaluation));
    const expected = output.add(up.call(middle, Context.evaluation).mul(2));
    await expectClose(tuned.mlp.call(x, Context.evaluation), expected);
  }
});

test("Compacter's layers are sums of Kronecker products, which are never formed", async () => {
  const method = compacter({ size: 2, factors: 2, rank: 2, activation: 'linear' });
  const tuned = await trainedForm(adapt(model, { mlp: method, 'attention.o': method }));
  const found = moduleAdapters(tuned).find(({ path }) => path === 'mlp');
  const parameters = Object(found?.adapter.parameters);
  const dense = (name: 'down' | 'up', layer: number): Tensor => {
    const rules = sliceAxis(parameters.rules.value, 0, layer, 1).reshape([2, 2, 2]);
    const { left, right } = parameters[name];
    return kron(rules, matmul(left, right)).sum(0); // [in, out]
  };
  const output = model.mlp.call(x, Context.evaluation);
  const middle = matmul(output, dense('down', 0)).add(parameters.down.bias);
  const expected = output.add(matmul(middle, dense('up', 1)).add(parameters.up.bias));
  await expectClose(tuned.mlp.call(x, Context.evaluation), expected);
  expect(trainablePaths(tuned).filter((path) => path.includes('rules'))).toHaveLength(1);
});

test('an adaption prompt starts as the base though the projection has a bias, and in PEFT does not', async () => {
  const output = model.attention.call(x, Context.evaluation);
  const right = adapt(model, { attention: adaptionPrompt({ length: 2 }) });
  await expectClose(right.attention.call(x, Context.evaluation), output);
  const asInPeft = adapt(model, { attention: adaptionPrompt({ length: 2, compat: 'peft' }) });
  const bias = model.attention.o.call(zeros([4]), Context.evaluation);
  await expectClose(asInPeft.attention.call(x, Context.evaluation), output.add(bias));
});

test('adapters of weights and of modules go together and come off one by one', async () => {
  const inner = adapt(model, { 'attention.q': lora({ rank: 1 }) }, { name: 'weights' });
  const both = await trainedForm(
    adapt(inner, { mlp: bottleneck({ size: 2 }) }, { name: 'around' }),
  );
  expect(trainablePaths(both)).toContain('mlp.adapters.0.parameters.down.weight');
  expect(both.mlp).toBeInstanceOf(GatedMLP);
  expect(String(describeAdapters(both))).toContain('bottleneck');
  const plain = await numbers(model.call(x));
  expect(await numbers(disable(both).call(x))).toEqual(plain);
  const alone = disable(both, 'weights');
  expect(await numbers(alone.call(x))).not.toEqual(plain);
  expect(at(disable(both), 'mlp.down_proj.weight')).toBe(model.mlp.down_proj.weight);
  const twice = adapt(both, { mlp: bottleneck({ size: 1 }) }, { name: 'second' });
  expect(moduleAdapters(twice).map(({ adapter }) => adapter.name)).toEqual(['around', 'second']);
});

test('what cannot be is refused by name', () => {
  const tuned = adapt(model, { mlp: bottleneck({ size: 2 }) });
  expect(() => merge(tuned)).toThrow(refusal('unsupported', 'bottleneck changes no weight'));
  expect(() => setAdapterWeights(tuned, { default: 0.5 })).toThrow(
    refusal('unsupported', 'no share'),
  );
  expect(() => adapt(model, { '': bottleneck({ size: 2 }) })).toThrow(refusal('unsupported'));
  expect(() => adapt(model, { mlp: compacter({ size: 2, factors: 3 }) })).toThrow(
    refusal('unsupported', 'no multiple of 3'),
  );
  expect(() => adapt(model, { nothing: bottleneck({ size: 2 }) })).toThrow(refusal('no-match'));
});
