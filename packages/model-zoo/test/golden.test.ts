import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { families, generate, lossOf, type TokenInputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { Context, combine, partition, paths, tiedPaths } from '@lorikeet/nn';
import { evaluate, type Tensor, tensor, valueAndGradWithAux } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';

// Values of Transformers in f64, rounded to f32: see shared/golden/README.md for how they were made.

// Those under fixtures are of tools/makeReference.py.

const foldersIn = (path: string): string[] => {
  const folder = fileURLToPath(new URL(path, import.meta.url));
  return readdirSync(folder).map((name) => `${folder}/${name}`);
};
const folders = [...foldersIn('golden'), ...foldersIn('fixtures/models')].map(
  (folder) => [basename(folder), folder] as const,
);

async function readCase(
  folder: string,
): Promise<{ tensors: Map<string, Tensor>; inputs: TokenInputs; prompt: TokenInputs | undefined }> {
  const file = await openSafetensors(`${folder}/io.safetensors`);
  const tensors = new Map<string, Tensor>();
  for (const [key, { dtype, shape }] of file.entries) {
    const kind = dtype === 'I32' ? 'i32' : 'f32';
    tensors.set(key, tensor(await file.readAs(key, kind), shape, kind));
  }
  await file.close();
  const under = (prefix: string): TokenInputs =>
    Object.fromEntries(
      [...tensors]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => [key.slice(prefix.length), value]),
    ) as unknown as TokenInputs;
  return {
    tensors,
    inputs: under('input.'),
    prompt: tensors.has('generate.input_ids') ? under('generate.') : undefined,
  };
}

/** |got - expected| <= 1e-4 |expected| + 2e-5 max(0.05, max|expected|), where the mask is 1. */
async function requireClose(
  name: string,
  got: Tensor,
  expected: Tensor,
  mask?: Tensor,
): Promise<void> {
  expect(got.shape, name).toEqual(expected.shape);
  const [a, b, kept] = [await got.data(), await expected.data(), await mask?.data()];
  const perToken = kept === undefined ? 1 : b.length / kept.length;
  const scale = Math.max(0.05, ...b.map(Math.abs));
  for (let i = 0; i < b.length; i++) {
    if (kept !== undefined && kept[Math.floor(i / perToken)] === 0) continue;
    const want = b[i] as number;
    expect(Math.abs((a[i] as number) - want), `${name}[${i}]`).toBeLessThanOrEqual(
      1e-4 * Math.abs(want) + 2e-5 * scale,
    );
  }
}

describe.each(folders)('%s', (_, folder) => {
  test('has the tensors of the state dict, no more and no fewer', async () => {
    const file = await openSafetensors(folder);
    const model = await load(folder);
    // A masked language model whose output layer is its own keeps a second bias, which it does not use.
    const copies = tiedPaths(model);
    const { ignored } =
      families.find(({ modelType }) => modelType === model.config.model_type) ?? {};
    const own = new Map(paths(model).map(([path, { shape }]) => [path, shape]));
    // What a family passes over may be a weight of some of its models.
    const isPassedOver = (key: string): boolean => !own.has(key) && ignored?.test(key) === true;
    const stored = [...file.entries].filter(([key]) => !copies.has(key) && !isPassedOver(key));
    expect(own).toEqual(new Map(stored.map(([key, { shape }]) => [key, shape])));
    await file.close();
  });

  test('gives the outputs, the loss and the gradients of Transformers', async () => {
    const model = await load(folder);
    const { tensors, inputs } = await readCase(folder);
    const [trainable, frozen] = partition(model, (_, { path }) => tensors.has(`grad.${path}`));
    const { aux, gradient } = tensors.has('output.loss')
      ? valueAndGradWithAux((live: typeof trainable) => {
          const outputs = combine(live, frozen).call(inputs, Context.evaluation);
          return { value: lossOf(outputs), aux: outputs };
        })(trainable)
      : { aux: model.call(inputs, Context.evaluation), gradient: {} };
    // At once: each program of its own would compute most of the model again.
    await evaluate({ aux, gradient });
    const got = new Map<string, Tensor>([
      ...paths(aux).map(([key, leaf]) => [`output.${key}`, leaf] as const),
      ...paths(gradient).map(([key, leaf]) => [`grad.${key}`, leaf] as const),
    ]);
    const wanted = [...tensors].filter(([key]) => /^(output|grad)\./.test(key));
    expect(wanted.length).toBeGreaterThan(3);
    for (const [key, expected] of wanted) {
      const value = got.get(key);
      expect(value, key).toBeDefined();
      const isTokenLevel =
        key.startsWith('output.') &&
        expected.rank >= 2 &&
        expected.shape[1] === inputs.attention_mask?.shape[1];
      if (value !== undefined)
        await requireClose(key, value, expected, isTokenLevel ? inputs.attention_mask : undefined);
    }
  });
});

const generating = folders.filter(([name]) => /^gpt2-lm(-padded)?$|^t5-v1.1$|-lm$/.test(name));

test.each(generating)(
  'greedy generation of %s gives the sequences of Transformers',
  async (_, folder) => {
    const model = await load(folder);
    const { tensors, prompt } = await readCase(folder);
    const expected = tensors.get('generate.sequences');
    if (prompt === undefined || expected === undefined) throw new Error('no generation');
    const { input_ids, attention_mask } = prompt;
    const { sequences } = await generate(
      model,
      { input_ids, ...(attention_mask ? { attention_mask } : {}) },
      { max_new_tokens: 6, eos_token_id: null },
    );
    expect(sequences.flat()).toEqual([...(await expected.data())]);
  },
);
