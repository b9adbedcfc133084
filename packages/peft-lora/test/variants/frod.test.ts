import { at, Context, Linear, materialize, type Weight } from '@lorikeet/nn';
import { adapt, decodeAdapter, disable, encodeAdapter, frod, merge } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import {
  abs,
  compile,
  concat,
  eye,
  mul,
  normal,
  randomKey,
  sliceAxis,
  sqrt,
  swapAxes,
  Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { readAll } from '../peft/goldenModel.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf, withParameters } from './oneLayer.ts';
import { expectFiles, reference, Stack, slopesOf } from './stackModel.ts';

const cases = ['frod', 'frod-wide', 'frod-diagonal', 'frod-full', 'frod-dead'];

describe.each(cases)('what PEFT trained as %s', (name) => {
  test('gives the outputs and the merged weights of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    await expectClose(tuned.call(value('x')), value('y'));
    const merged = merge(tuned);
    for (const [key, expected] of io) {
      if (!key.startsWith('merged.')) continue;
      const weight = materialize(at(merged, key.slice('merged.'.length)) as Weight);
      await expectClose(weight, expected);
    }
  });

  test('has the gradients of PEFT', async () => {
    const { dir, io, value } = await reference(name);
    const tuned = await loadAdapter(new Stack(io), dir);
    const keys = { scales: 'frod_lambda_l', values: 'frod_lambda_s_values' };
    const slopes = new Map(
      slopesOf(tuned, value).map(([path, slope]) => {
        const key = Object.entries(keys).find(([part]) => path.endsWith(`.${part}`))?.[1];
        return [`grad.${path.replace(/weight\.parameters\..*/, '')}${key}`, slope];
      }),
    );
    const expected = [...io].filter(([key]) => key.startsWith('grad.'));
    const found = [...slopes].filter(([, { size }]) => size > 0);
    expect(found.map(([key]) => key).sort()).toEqual(expected.map(([key]) => key).sort());
    for (const [key, slope] of expected)
      await expectClose(slopes.get(key) ?? zeros([0]), slope, 1e-4);
  });

  test('is written again with the same config and tensors, bit by bit', async () => {
    const { dir, io } = await reference(name);
    await expectFiles(await loadAdapter(new Stack(io), dir), dir);
  });
});

test.each([
  ['frod', { sparseRate: 0.4, projectionSeed: 3, regularization: 0.05 }],
  ['frod-full', { sparseRate: 1 }],
])('first values of %s are those of PEFT', async (name, options) => {
  const { dir, io, value } = await reference(name);
  const file = await loadAdapter(new Stack(io), dir);
  const tuned = adapt(new Stack(io), { '**.{q,o}': frod(options) });
  for (const [i, part] of [0, 1, 2].flatMap((i) => [[i, 'q'] as const, [i, 'o'] as const])) {
    const path = `stack.layers.${i}.${part}`;
    const own = (tree: Stack, end: string): Tensor => leaf(tree, `${path}.weight.${end}`);
    await expectClose(own(tuned, 'parameters.scales'), value(`first.${path}.frod_lambda_l`), 1e-4);
    const places = 'shared.value.frozen.places';
    expect(await numbers(own(tuned, places))).toEqual(await numbers(own(file, places)));
    // Signs are up to the library.
    const V = 'shared.value.frozen.V';
    await expectClose(abs(own(tuned, V)), abs(own(file, V)), 1e-3);
  }
});

test('of fewer outputs than inputs the basis is that of the singular vectors, completed', async () => {
  const model = oneLayer(2, 4);
  const tuned = adapt(model, { part: frod({ sparseRate: 0.5 }) });
  const V = tensorOf(tuned, 'shared.value.frozen.V');
  await expectClose(swapAxes(V).matmul(V), eye(4));
  await expectClose(materialize(model.part.weight).matmul(sliceAxis(V, 1, 2, 2)), zeros([2, 2]));
  const lengths = tensorOf(tuned, 'frozen.lengths');
  await expectClose(sliceAxis(lengths, 0, 2, 2), zeros([2]));
});

test('the change is as in the formula', async () => {
  const model = oneLayer(3, 3);
  const first = adapt(model, { part: frod({ sparseRate: 1 }) });
  const [V, U] = [tensorOf(first, 'shared.value.frozen.V'), tensorOf(first, 'frozen.U')];
  const W = materialize(model.part.weight);
  const lengths = tensorOf(first, 'frozen.lengths');
  await expectClose(mul(U, lengths).matmul(swapAxes(V)), W);
  await expectClose(sqrt(mul(U, U).sum(0)), tensor([1, 1, 1], [3]));
  expect(await numbers(changeOf(model, first))).toEqual(Array(9).fill(0));
  const scales = tensor([2, -3, 5], [3]);
  const values = tensor([1, 2, 3, 4, 5, 6], [6]);
  const [rows, columns] = chunk(await numbers(tensorOf(first, 'shared.value.frozen.places')), 6);
  expect(new Set(rows?.map((row, i) => 3 * row + (columns?.[i] ?? 0)))).toEqual(
    new Set([1, 2, 3, 5, 6, 7]),
  );
  const S = [2, 0, 0, 0, -3, 0, 0, 0, 5];
  rows?.forEach((row, i) => {
    S[3 * row + (columns?.[i] ?? 0)] = i + 1;
  });
  const tuned = withParameters(first, { scales, values });
  const whole = U.matmul(tensor(S, [3, 3])).matmul(swapAxes(V));
  await expectClose(changeOf(model, tuned), whole.sub(W));
});

test('first values beside the base are off by normal numbers', async () => {
  const model = oneLayer(60, 50);
  const options = { initWeights: false, sparseRate: 0.5 };
  const tuned = adapt(model, { part: frod(options) });
  const { scales, values, lengths } = {
    scales: tensorOf(tuned, 'parameters.scales'),
    values: tensorOf(tuned, 'parameters.values'),
    lengths: tensorOf(tuned, 'frozen.lengths'),
  };
  for (const [noise, share] of [
    [scales.sub(lengths), 0.04],
    [values, 0.01],
  ] as const)
    expect(Math.abs(Math.sqrt(await noise.mul(noise).mean().item()) - 0.1)).toBeLessThan(share);
});

test('of two at once each changes what is under it, and in PEFT the weight', async () => {
  const { dir, io, value } = await reference('frod-both');
  const load = async (model: Stack, compat: { readonly compat?: 'peft' }): Promise<Stack> => {
    const one = await loadAdapter(model, `${dir}/first`, { name: 'first', ...compat });
    return loadAdapter(one, `${dir}/second`, { name: 'second', ...compat });
  };
  const asInPeft = await load(new Stack(io), { compat: 'peft' });
  await expectClose(asInPeft.call(value('x')), value('y'));
  await expectFiles(disable(asInPeft, 'second'), `${dir}/first`, 'first');
  const below = merge(await loadAdapter(new Stack(io), `${dir}/first`));
  const alone = await loadAdapter(below, `${dir}/second`);
  await expectClose((await load(new Stack(io), {})).call(value('x')), alone.call(value('x')));
});

test('what the weight makes of the basis follows the one in a file, whatever its signs', async () => {
  const signsTurned = async (name: string): Promise<number> => {
    const { dir, io, value } = await reference(name);
    const files = await filesOf(await loadAdapter(new Stack(io), dir));
    const key = 'base_model.frod_V.q';
    const V = new Float32Array(16);
    V.set(
      await numbers((await readAdapter(`${dir}/adapter_model.safetensors`)).get(key) ?? eye(4)),
    );
    const data = V.map((number, i) => (i % 4 === 1 ? -number : number));
    const entries = new Map([
      ...files.entries,
      [key, { dtype: 'F32' as const, shape: [4, 4], data }],
    ]);
    const turned = await decodeAdapter(new Stack(io), await withConfig({ ...files, entries }));
    return abs(turned.call(value('x')).sub(value('y')))
      .max()
      .item();
  };
  expect(await signsTurned('frod-diagonal')).toBeLessThan(1e-5);
  // Entries beside the diagonal tell signs.
  expect(await signsTurned('frod')).toBeGreaterThan(1e-3);
});

test('files without bases are read if they are ours, and refused if they are by PEFT', async () => {
  const { io, value } = await reference('frod');
  const how = frod({ saveProjection: false, sparseRate: 0.3 });
  const tuned = await trainedForm(adapt(new Stack(io), { '**.{q,o}': how }));
  const files = await filesOf(tuned);
  const shared = [...files.entries.keys()].filter((key) => !key.includes('.model.')).sort();
  expect(shared).toEqual(['base_model.frod_s_indices.o', 'base_model.frod_s_indices.q']);
  const loaded = await decodeAdapter(new Stack(io), await withConfig(files));
  await expectClose(loaded.call(value('x')), tuned.call(value('x')), 1e-6);
  const entries = new Map([...files.entries].filter(([key]) => !shared.includes(key)));
  await expect(
    decodeAdapter(new Stack(io), await withConfig({ ...files, entries })),
  ).rejects.toThrow(refusal('missing-tensor', 'frod_s_indices.o'));
});

test('modules have a basis in common by their role, which is told by their paths', () => {
  const layer = () => ({
    attention: { self: { query: linear(4, 4) }, output: { dense: linear(4, 4) } },
    output: { dense: linear(4, 6) },
  });
  const model = { encoder: { layer: [layer(), layer()] }, head: linear(2, 4), 0: [linear(2, 5)] };
  const tuned = adapt(model, { '**': frod() });
  const keys = [...encodeAdapter(tuned).tensors.keys()].filter((key) => /frod_V/.test(key));
  const roles = ['0', 'attention_output', 'head', 'output_dense', 'self_query'];
  expect(keys.map((key) => key.replace('base_model.frod_V.', '')).sort()).toEqual(roles);
});

test('a later module of the same role and layer takes the place of one before it', async () => {
  const part = (i: number) => ({ layers: [{ mix: { q: linear(3, 3, i) } }] });
  const basisOf = (model: { readonly [name: string]: ReturnType<typeof part> }): Tensor =>
    leaf(adapt(model, { '**.q': frod() }), 'b.layers.0.mix.q.weight.shared.value.frozen.V');
  const [one, two] = [part(1), part(2)];
  const both = await numbers(basisOf({ a: one, b: two }));
  expect(both).toEqual(await numbers(basisOf({ b: two })));
});

test('modules of one role need inputs of one size', () => {
  const model = { layers: [{ q: linear(3, 4) }, { q: linear(3, 5) }] };
  expect(() => adapt(model, { '**.q': frod() })).toThrow(
    refusal('unsupported', 'inputs of different sizes'),
  );
});

test('for many rows the whole weight is made, and the same comes out', async () => {
  const [out, inputs, rows] = [30, 20, 40];
  const { part } = await trainedForm(
    adapt(oneLayer(out, inputs), { part: frod({ sparseRate: 0.2 }) }),
  );
  const x = normal(randomKey(2), [rows, inputs]);
  const many = part.call(x, Context.evaluation);
  const few = Array.from({ length: rows / 2 }, (_, i) =>
    part.call(sliceAxis(x, 0, 2 * i, 2), Context.evaluation),
  );
  await expectClose(many, concat(few));
  const dots = (count: number): number =>
    compile((given: Tensor) => part.call(given, Context.evaluation))
      .program(normal(randomKey(2), [count, inputs]))
      .instructions.filter(({ op, type }) => op.name === 'dot' && type.shape[0] === count).length;
  expect([dots(2), dots(40)]).toEqual([3, 1]);
});

test('for few rows no matrix of the size of the weight is made, nor by derivatives', () => {
  const { part } = adapt(oneLayer(400, 30), { part: frod() });
  expect(largestResult(part, zeros([2, 30]))).toBeLessThan(400 * 30);
});

test('what PEFT refuses is refused, with the reason', () => {
  for (const sparseRate of [-0.1, 1.1])
    expect(() => frod({ sparseRate })).toThrow(refusal('invalid-config', 'sparseRate'));
  expect(() => frod({ dropout: 1 })).toThrow(refusal('invalid-config', 'dropout'));
});

function linear(out: number, inputs: number, seed = 1): Linear {
  return new Linear(normal(randomKey(seed), [out, inputs]), null);
}

function chunk(list: readonly number[], size: number): number[][] {
  return [list.slice(0, size), list.slice(size)];
}

async function readAdapter(path: string): Promise<ReadonlyMap<string, Tensor>> {
  const file = await openSafetensors(path);
  const found = await readAll(file);
  await file.close();
  return found;
}

function leaf(tree: unknown, path: string): Tensor {
  const found = at(tree, path);
  if (found instanceof Tensor) return found;
  throw new Error(`there is no tensor at ${path}`);
}
