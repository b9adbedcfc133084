import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initModel, loadModel, logitsOf } from '@lorikeet/model-zoo';
import { load, save } from '@lorikeet/model-zoo/node';
import { Context, paths, replaceAt } from '@lorikeet/nn';
import { randomKey, tensor } from '@lorikeet/tensor-core';
import {
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const config = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 5,
  n_positions: 4,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
};
const model = initModel(config, randomKey(1));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function stateDict(): Promise<Map<string, TensorInMemory>> {
  const entries = paths(model).map(
    async ([name, leaf]) =>
      [
        name,
        { dtype: 'F32', shape: leaf.shape, data: Float32Array.from(await leaf.data()) },
      ] as const,
  );
  return new Map<string, TensorInMemory>(await Promise.all(entries));
}

const loadFrom = async (
  tensors: Map<string, TensorInMemory>,
  options: Parameters<typeof loadModel>[1] = {},
) =>
  await loadModel(
    {
      config,
      tensors: await readSafetensors(bytesSource(encodeSafetensors(tensors)), {
        name: 'test.safetensors',
      }),
    },
    options,
  );

test('a saved model is loaded bit for bit, with its config', async () => {
  const dir = join(folder, 'saved');
  await save(model, dir);
  const loaded = await load(dir);
  expect(loaded.config).toEqual(model.config);
  const [before, after] = [paths(model), paths(loaded)];
  expect(after.map(([path]) => path)).toEqual(before.map(([path]) => path));
  for (const [i, [path, leaf]] of before.entries())
    expect(await after[i]?.[1].data(), path).toEqual(await leaf.data());
});

test('tied weights are saved once, and the file says that it is for PyTorch', async () => {
  const file = await openSafetensors(join(folder, 'saved'));
  expect([...file.entries.keys()]).not.toContain('lm_head.weight');
  expect(file.metadata.get('format')).toBe('pt');
  await file.close();
});

test('a model of a named class is saved as one of that class, and with the dtype of its file', async () => {
  const dir = join(folder, 'base');
  await save(await load(join(folder, 'saved'), { architecture: 'GPT2Model' }), dir);
  expect((await load(dir)).config.architectures).toEqual(['GPT2Model']);
  const half = initModel({ ...config, dtype: 'float16', torch_dtype: 'bfloat16' }, randomKey(1));
  await save(half, dir);
  expect((await load(dir)).config).toMatchObject({ dtype: 'float32', torch_dtype: 'float32' });
});

test('a model with an adapter is not saved as if it had none', async () => {
  const base = tensor(new Float32Array(20), [5, 4]);
  const tuned = replaceAt(model, 'transformer.wte.weight', { base, materialize: () => base });
  await expect(save(tuned, join(folder, 'tuned'))).rejects.toMatchObject({
    code: 'tree-mismatch',
    path: 'transformer.wte.weight.base',
    hint: expect.stringContaining('merge'),
  });
});

test('a weight that is not a number reaches the outputs', async () => {
  const tensors = await stateDict();
  tensors.set('transformer.ln_f.bias', {
    dtype: 'F32',
    shape: [4],
    data: Float32Array.of(0, Number.NaN, Number.POSITIVE_INFINITY, 0),
  });
  const loaded = await loadFrom(tensors);
  const input_ids = tensor([[1, 2]], undefined, 'i32');
  const outputs = loaded.call({ input_ids }, Context.evaluation);
  expect([...(await logitsOf(outputs).data())].every(Number.isNaN)).toBe(true);
});

test('half-precision weights become f32 without loss', async () => {
  const tensors = await stateDict();
  const name = 'transformer.ln_f.bias';
  const values = Float32Array.of(0.5, -1.25, 3, 0);
  for (const dtype of ['F16', 'BF16'] as const) {
    tensors.set(name, { dtype, shape: [4], data: values });
    expect(await new Map(paths(await loadFrom(tensors))).get(name)?.data()).toEqual(values);
  }
});

test('f64 and f32 are what is asked for', async () => {
  const wide = await loadFrom(await stateDict(), { dtype: 'f64' });
  expect(new Set(paths(wide).map(([, { dtype }]) => dtype))).toEqual(new Set(['f64']));
});

describe('a checkpoint that does not fit is refused', () => {
  test('for a missing tensor, with the nearest name', async () => {
    const tensors = await stateDict();
    const weight = tensors.get('transformer.ln_f.weight');
    tensors.delete('transformer.ln_f.weight');
    if (weight !== undefined) tensors.set('transformer.ln_f.weigth', weight);
    await expect(loadFrom(tensors)).rejects.toMatchObject({
      code: 'missing-tensor',
      path: 'test.safetensors: transformer.ln_f.weight',
      hint: expect.stringContaining("'transformer.ln_f.weigth'"),
    });
  });

  test('for a tensor that the model does not know', async () => {
    const tensors = await stateDict();
    tensors.set('transformer.extra', { dtype: 'F32', shape: [1], data: new Float32Array(1) });
    await expect(loadFrom(tensors)).rejects.toMatchObject({
      code: 'unexpected-tensor',
      path: expect.stringContaining('transformer.extra'),
    });
    expect(await loadFrom(tensors, { allowUnexpected: ['**.extra'] })).toBeDefined();
  });

  test('for a tensor of another shape', async () => {
    const tensors = await stateDict();
    tensors.set('transformer.wpe.weight', {
      dtype: 'F32',
      shape: [3, 4],
      data: new Float32Array(12),
    });
    await expect(loadFrom(tensors)).rejects.toMatchObject({
      code: 'shape-mismatch',
      expected: '[4,4]',
      received: '[3,4]',
    });
  });

  test('naming some of many, and how many there are', async () => {
    await expect(loadFrom(new Map())).rejects.toMatchObject({
      code: 'missing-tensor',
      path: expect.stringMatching(/transformer\.wte\.weight, .* and 11 more$/),
      expected: '16 tensors',
      received: '0 of them',
    });
  });

  test('but not for what may be missing: that is made from the key', async () => {
    const tensors = await stateDict();
    tensors.delete('transformer.wte.weight');
    const load = (seed: number) =>
      loadFrom(tensors, { allowMissing: ['transformer.wte.weight'], key: randomKey(seed) });
    const table = async (seed: number) =>
      await new Map(paths(await load(seed))).get('transformer.wte.weight')?.data();
    expect(await table(3)).toEqual(await table(3));
    expect(await table(3)).not.toEqual(await table(4));
  });
});

describe('a folder is refused', () => {
  test('without a config', async () => {
    await expect(load(folder)).rejects.toMatchObject({
      code: 'invalid-file',
      path: join(folder, 'config.json'),
    });
  });

  test('with a config that is no JSON', async () => {
    const dir = join(folder, 'saved');
    const before = await readFile(join(dir, 'config.json'));
    await writeFile(join(dir, 'config.json'), '{"model_type": ');
    await expect(load(dir)).rejects.toMatchObject({
      code: 'invalid-file',
      expected: expect.stringContaining('Hugging Face'),
    });
    await writeFile(join(dir, 'config.json'), before);
  });

  test('with a truncated checkpoint', async () => {
    const dir = join(folder, 'saved');
    const path = join(dir, 'model.safetensors');
    await writeFile(path, (await readFile(path)).subarray(0, -8));
    await expect(load(dir)).rejects.toMatchObject({ code: 'invalid-file' });
  });
});
