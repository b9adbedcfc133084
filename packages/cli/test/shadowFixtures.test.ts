import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate, type Model } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { adamw, Context, paths } from '@lorikeet/nn';
import { adapt, encodeAdapter, shadow, shadowOf, unloadShadow } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { type Tensor, tensor } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { expectClose, expectSteps, type Inputs, inputsIn, numbers, readIo } from './peftFixture.ts';

const golden = fileURLToPath(new URL('golden', import.meta.url));

interface Expected {
  readonly model: Model;
  readonly tuned: Model;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: Inputs;
  readonly io: ReadonlyMap<string, Tensor>;
}

async function expectedOf(name: string): Promise<Expected> {
  const dir = join(golden, 'shadow', name);
  const config = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8'));
  const io = await readIo(dir);
  // Models that `parity` is not to find have a place of their own.
  const own = name === 'shadow-gpt2' ? golden : join(golden, 'shadow');
  const model = await load(join(own, config.base_model_name_or_path));
  const { shadow_model: small } = config;
  const moduleVariants = small === 'mirror' ? [] : [shadowOf(await load(join(own, small)))];
  const tuned = await loadAdapter(model, dir, { moduleVariants });
  return { model, tuned, config, inputs: inputsIn(io), io };
}

/** The last two tokens of the second row are padding. */
async function seen(logits: Tensor | undefined): Promise<number[]> {
  const size = logits?.shape.at(-1) ?? 0;
  return logits?.rank === 3 ? (await numbers(logits)).slice(0, -2 * size) : numbers(logits);
}

const texts = [
  'shadow-gpt2',
  'shadow-llama',
  'shadow-llama-small',
  'shadow-llama-own',
  'shadow-given',
  'shadow-given-narrow',
];

describe.each([...texts, 'shadow-rows', 'shadow-given-projected'])('%s', (name) => {
  test("gives PEFT's outputs, alone too, and is written as it was read", async () => {
    const { tuned, config, inputs, io } = await expectedOf(name);
    const outputs = tuned.call(inputs, Context.evaluation);
    expectClose(await numbers(outputs.loss), await numbers(io.get('output.loss')));
    expectClose(await seen(outputs.logits), await seen(io.get('output.logits')));
    const alone = unloadShadow(tuned).call(inputs, Context.evaluation);
    expectClose(await seen(alone.logits), await seen(io.get('alone')));
    expect(encodeAdapter(tuned).config).toEqual(config);
    const file = await openSafetensors(join(golden, 'shadow', name, 'adapter_model.safetensors'));
    const { tensors } = encodeAdapter(tuned);
    expect([...tensors.keys()].sort()).toEqual([...file.entries.keys()].sort());
    for (const [key, leaf] of tensors)
      expect(await numbers(leaf)).toEqual([...(await file.readAs(key, 'f32'))]);
    await file.close();
  });

  test("trains as PEFT's does", async () => {
    const { tuned, io } = await expectedOf(name);
    const optimizer = adamw({ learningRate: 0.01, weightDecay: 0 });
    await expectSteps(tuned, io, optimizer, (gradient) => expectGradients(gradient, io));
  });
});

test.each(texts)("%s goes on with its cache as PEFT's does", async (name) => {
  const { tuned, inputs, io } = await expectedOf(name);
  const input_ids = tensor((await numbers(inputs.input_ids)).slice(0, 7), [1, 7], 'i32');
  const { sequences } = await generate(
    tuned,
    { input_ids },
    { max_new_tokens: 5, eos_token_id: null },
  );
  expect(sequences[0]).toEqual(await numbers(io.get('generated')));
});

test('a shadow begins as the base, and needs blocks that follow one another', async () => {
  const { model, inputs } = await expectedOf('shadow-gpt2');
  const plain = { input_ids: inputs.input_ids ?? tensor([0]) };
  const fresh = adapt(model, { '': shadow() });
  expect(await numbers(fresh.call(plain, Context.evaluation).logits)).toEqual(
    await numbers(model.call(plain, Context.evaluation).logits),
  );
  expect(() => adapt(model, { '': shadow({ targetModules: ['5'] }) })).toThrow('none');
  expect(() => unloadShadow(model)).toThrow("no shadow 'default'");
});

/** Each that PEFT has a gradient of, and no other. */
async function expectGradients(gradient: unknown, io: ReadonlyMap<string, Tensor>): Promise<void> {
  const keys = [...io.keys()].filter((key) => key.startsWith('grad.'));
  const found = paths(gradient).filter(([, leaf]) => leaf.size > 0);
  expect(found).toHaveLength(keys.length);
  for (const [path, leaf] of found) {
    const [first = '', , , part = '', ...rest] = path.split('.');
    const end =
      first !== 'adapters'
        ? `${first}.modules_to_save.weight`
        : part === 'layers'
          ? `.${rest[0]}.${rest.slice(1).join('.')}`
          : `shadow_${part}.${rest.join('.')}`;
    const key = keys.find((one) => one.replace('.default', '').endsWith(end));
    if (key === undefined) throw new Error(`PEFT has no gradient of ${path}`);
    expectClose(await numbers(leaf), await numbers(io.get(key)));
  }
}
