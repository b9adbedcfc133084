import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate, initModel, type Model, ProjectedModel } from '@lorikeet/model-zoo';
import { load, saveShadow } from '@lorikeet/model-zoo/node';
import { adamw, Context, isProjected, Linear, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  encodeAdapter,
  isTrainable,
  lora,
  shadow,
  shadowOf,
  unloadShadow,
} from '@lorikeet/peft-lora';
import { loadAdapter, saveAdapter } from '@lorikeet/peft-lora/node';
import { gather, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTuned } from '../src/loadTuned.ts';
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

const rows = ['shadow-rows', 'shadow-given-projected'];
const headless = { head: 'feature-extraction' } as const;
const bert = {
  model_type: 'bert',
  architectures: ['BertModel'],
  hidden_size: 4,
  num_attention_heads: 2,
  num_hidden_layers: 1,
  intermediate_size: 4,
  vocab_size: 9,
};

describe.each([...texts, ...rows])('%s', (name) => {
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

describe('a shadow alone', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shadows-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([...texts, ...rows])(
    'of %s is saved, loaded and the shadow of another',
    async (name) => {
      const { model, tuned, inputs, io } = await expectedOf(name);
      const dir = join(folder, name);
      await saveShadow(unloadShadow(tuned), dir);
      const again = adapt(model, { '': shadow({ shadowModel: dir }, await load(dir, headless)) });
      const alone = unloadShadow(again).call(inputs, Context.evaluation);
      // The classifier is the adapter's, and in no file of a shadow.
      if (texts.includes(name)) expectClose(await seen(alone.logits), await seen(io.get('alone')));
      const before = unloadShadow(tuned).call(inputs, Context.evaluation);
      expect(await numbers(alone.last_hidden_state)).toEqual(
        await numbers(before.last_hidden_state),
      );
    },
  );

  test('whose name is in a config is loaded with the adapter', async () => {
    const { model, tuned, inputs } = await expectedOf('shadow-given');
    const dir = join(folder, 'named');
    await saveAdapter(tuned, dir);
    const path = join(dir, 'adapter_config.json');
    const config = JSON.parse(await readFile(path, 'utf8'));
    const shadow_model = join(golden, 'shadow', 'models', 'same-width');
    await writeFile(path, JSON.stringify({ ...config, shadow_model }));
    const again = await loadTuned(model, dir);
    expect(await numbers(again.call(inputs, Context.evaluation).logits)).toEqual(
      await numbers(tuned.call(inputs, Context.evaluation).logits),
    );
  });

  test("that PEFT saved is read, with the projection, and so is the adapter's", async () => {
    const { model, inputs, io } = await expectedOf('shadow-given-narrow');
    const small = await load(join(golden, 'shadow', 'detached'));
    expect(small).toBeInstanceOf(ProjectedModel);
    const tuned = adapt(model, { '': shadow({ shadowModel: 'detached' }, small) });
    const alone = unloadShadow(tuned);
    expectClose(
      await seen(alone.call(inputs, Context.evaluation).logits),
      await seen(io.get('alone')),
    );
    const third = adapt(model, { '': shadow({ shadowModel: 'detached' }, alone) });
    expect(await numbers(unloadShadow(third).call(inputs, Context.evaluation).logits)).toEqual(
      await numbers(alone.call(inputs, Context.evaluation).logits),
    );
  });
});

describe('a small model that was trained before', async () => {
  const { model } = await expectedOf('shadow-given');
  const same = await load(join(golden, 'shadow', 'models', 'same-width'));

  test('trains, but for its table of words, apart from the model that was given', async () => {
    const tuned = adapt(model, { '': shadow({ shadowModel: 'same' }, same) });
    const [live, frozen] = partition(tuned, isTrainable);
    const sizes = Object.fromEntries(
      paths(live).flatMap(([path, { size }]) => {
        const [, name] = path.split('.parameters.backbone.');
        return name === undefined || size === 0 ? [] : [[name, size]];
      }),
    );
    expect(Object.keys(sizes)).toEqual(
      paths(same).flatMap(([path]) =>
        path.startsWith('model.') && !path.includes('embed_tokens') ? [path.slice(6)] : [],
      ),
    );
    expect(paths(frozen).map(([path]) => path)).toContain('adapters.0.frozen.table');
    const theirs = new Set(paths(same).map(([, leaf]) => leaf));
    expect(paths(live).filter(([, leaf]) => theirs.has(leaf))).toEqual([]);
  });

  test('is given with its name, and needs both', async () => {
    expect(() => adapt(model, { '': shadow({}, same) })).toThrow('without a name');
    expect(() => adapt(model, { '': shadow({ shadowModel: 'same' }) })).toThrow(
      "shadow needs the model 'same' itself",
    );
    const dir = join(golden, 'shadow', 'shadow-given');
    await expect(loadAdapter(model, dir)).rejects.toThrow('moduleVariants: [shadowOf(model)]');
  });

  test('has its own sizes', () => {
    expect(() => shadow({ shadowModel: 'same', shadowWidth: 4, shadowLayers: 2 }, same)).toThrow(
      /shadowLayers: .*only 'mirror' takes this; shadowWidth: /,
    );
    expect(() => shadow({ shadowModel: 'same', shadowInner: 4 })).toThrow('shadowInner');
  });

  test('fits the model by its projection, is of its kind, and has plain weights', async () => {
    const other = await expectedOf('shadow-llama');
    const projected = await load(join(golden, 'shadow', 'models', 'projected'));
    const of = (small: object) => shadow({ shadowModel: 'x' }, small);
    expect(() => adapt(other.model, { '': of(projected) })).toThrow(
      expect.objectContaining({ code: 'shape-mismatch', expected: '[32,4]', received: '[8,4]' }),
    );
    expect(() => of({})).toThrow('of another kind');
    expect(() => of(initModel(bert, randomKey(0)))).toThrow('does not tell its blocks');
    const wrapped = adapt(same, { '**.q_proj': lora() });
    expect(() => of(wrapped)).toThrow('merge its adapters first');
    const packed = await load(join(golden, 'shadow', 'models', 'same-width'), { quantize: 'int8' });
    expect(() => of(packed)).toThrow('load it without quantising');
    if (!isProjected(projected)) throw new Error('no projection');
    const { backbone } = projected;
    const projection = Linear.init({ inFeatures: 4, outFeatures: 8 }, randomKey(0));
    expect(() => of({ backbone, projection })).toThrow('has a bias');
  });

  test('of another width reads tokens, and no vectors of the model', async () => {
    const { model: base, tuned, inputs } = await expectedOf('shadow-given-narrow');
    const { input_ids = tensor([0]) } = inputs;
    const vectors = Object.fromEntries(paths(base))['model.embed_tokens.weight'];
    const inputs_embeds = gather(vectors ?? tensor([0]), input_ids);
    expect(() => tuned.call({ inputs_embeds }, Context.evaluation)).toThrow('vectors of 4 numbers');
  });
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
