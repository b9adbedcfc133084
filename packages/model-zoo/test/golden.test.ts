import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generateGreedy, lossOf, type TokenInputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { Context, combine, partition, paths } from '@lorikeet/nn';
import { evaluate, type Tensor, tensor, valueAndGradWithAux } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';

// Values of Transformers in f64, rounded to f32: see shared/golden/README.md for how they were made.

const golden = fileURLToPath(new URL('golden', import.meta.url));

async function readCase(
  name: string,
): Promise<{ tensors: Map<string, Tensor>; inputs: TokenInputs; prompt: TokenInputs | undefined }> {
  const file = await openSafetensors(`${golden}/${name}/io.safetensors`);
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

describe.each(readdirSync(golden))('%s', (name) => {
  test('has the tensors of the state dict, no more and no fewer', async () => {
    const file = await openSafetensors(`${golden}/${name}`);
    const model = await load(`${golden}/${name}`);
    expect(new Map(paths(model).map(([path, { shape }]) => [path, shape]))).toEqual(
      new Map([...file.entries].map(([key, { shape }]) => [key, shape])),
    );
    await file.close();
  });

  test('gives the outputs, the loss and the gradients of Transformers', async () => {
    const model = await load(`${golden}/${name}`);
    const { tensors, inputs } = await readCase(name);
    const [trainable, frozen] = partition(model, (_, { path }) => tensors.has(`grad.${path}`));
    const { aux, gradient } = valueAndGradWithAux((live: typeof trainable) => {
      const outputs = combine(live, frozen).call(inputs, Context.evaluation);
      return { value: lossOf(outputs), aux: outputs };
    })(trainable);
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

test.each(['gpt2-lm', 'gpt2-lm-padded'])(
  'greedy generation of %s gives the sequences of Transformers',
  async (name) => {
    const model = await load(`${golden}/${name}`);
    const { tensors, prompt } = await readCase(name);
    const expected = tensors.get('generate.sequences');
    if (prompt === undefined || expected === undefined) throw new Error('no generation');
    const { input_ids, attention_mask } = prompt;
    const sequences = await generateGreedy(
      model,
      { input_ids, ...(attention_mask ? { attention_mask } : {}) },
      { maxNewTokens: 6 },
    );
    expect(sequences.flat()).toEqual([...(await expected.data())]);
  },
);
