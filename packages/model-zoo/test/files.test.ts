import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initModel, loadModel } from '@lorikeet/model-zoo';
import { load, save } from '@lorikeet/model-zoo/node';
import { paths } from '@lorikeet/nn';
import { randomKey } from '@lorikeet/tensor-core';
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

  test('nor for buffers and tied copies of old checkpoints', async () => {
    const tensors = await stateDict();
    tensors.set('transformer.h.0.attn.bias', {
      dtype: 'F32',
      shape: [1],
      data: new Float32Array(1),
    });
    tensors.set('lm_head.weight', { dtype: 'F32', shape: [5, 4], data: new Float32Array(20) });
    expect(await loadFrom(tensors)).toBeDefined();
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
