import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Model } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { adamw, Context, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterOptimizer,
  type CptOptions,
  cartridge,
  composeCartridges,
  cpt,
  cptVariant,
  encodeAdapter,
  prefixTuning,
} from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { mapTensors, type Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, expectSteps, type Inputs, inputsIn, numbers, readIo } from './peftFixture.ts';

const golden = fileURLToPath(new URL('golden', import.meta.url));
const types = [1, 2, 2, 3, 4, 5, 6, 7, 8, 8];
const context: CptOptions = {
  tokenIds: [3, 17, 29, 5, 41, 3, 11, 5, 60, 2],
  tokenTypes: types,
  projectionEpsilon: 2,
  projectionFormatEpsilon: 0.5,
};
const decay = { weightedLoss: 'decay', lossDecayFactor: 0.6 } as const;

interface Expected {
  readonly model: Model;
  readonly io: ReadonlyMap<string, Tensor>;
  readonly inputs: Inputs;
  readonly dir: string;
}

async function expectedOf(name: string): Promise<Expected> {
  const dir = join(golden, 'virtual', name);
  const io = await readIo(dir);
  const model = await load(join(golden, 'models/gpt2-lm'));
  return { model, io, inputs: inputsIn(io), dir };
}

/** An adapter with PEFT's values before the first step, cut to what is allowed as PEFT does in its first call. */
function withStart<T>(tuned: T, io: ReadonlyMap<string, Tensor>): T {
  const found = (key: string): Tensor | undefined => io.get(`start.${key}`);
  const delta = found('delta_embedding.weight');
  const cut = delta && cptVariant.constrain?.({ delta }, cpt(context).config);
  const starts = new Map([
    ['adapters.0.parameters.delta', cut?.delta],
    ['adapters.0.parameters.embeddings', found('trainable_embedding')],
    ['adapters.0.frozen.embeddings', found('frozen_embedding')],
  ]);
  return mapTensors(tuned, (leaf, path) => starts.get(path.join('.')) ?? leaf);
}

describe.each([
  ['cpt', cpt(context), 'delta_embedding.weight'],
  ['cpt-decay', cpt({ ...context, ...decay }), 'delta_embedding.weight'],
  ['cartridge', cartridge({ virtualTokens: 4, frozenTokens: 2 }), 'trainable_embedding'],
  ['cartridge-text', cartridge({ virtualTokens: 3 }), 'trainable_embedding'],
  ['cartridge-free', cartridge({ virtualTokens: 2, frozenTokens: 0 }), 'trainable_embedding'],
])('%s', (name, method, trained) => {
  test("gives PEFT's outputs, and is written as it was read", async () => {
    const { model, io, inputs, dir } = await expectedOf(name);
    const tuned = await loadAdapter(model, dir);
    const outputs = tuned.call(inputs, Context.evaluation);
    expectClose(await numbers(outputs.loss), await numbers(io.get('output.loss')));
    // The last two tokens of the second row are padding.
    const seen = async (logits: Tensor | undefined): Promise<number[]> =>
      (await numbers(logits)).slice(0, -2 * 71);
    expectClose(await seen(outputs.logits), await seen(io.get('output.logits')));
    const { config } = encodeAdapter(tuned);
    expect(config).toEqual(JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8')));
  });

  test("trains as PEFT's does", async () => {
    const { model, io } = await expectedOf(name);
    const tuned = withStart(adapt(model, { '': method }), io);
    const optimizer = adapterOptimizer(adamw({ learningRate: 0.05, weightDecay: 0.01 }));
    const after = await expectSteps(tuned, io, optimizer, async (gradient) => {
      const [[, slope] = []] = paths(gradient);
      expectClose(await numbers(slope), await numbers(io.get(`grad.${trained}`)));
    });
    const { tensors } = encodeAdapter(after);
    expectClose(await numbers(tensors.get('prompt_embeddings')), await numbers(io.get('final')));
  });
});

test('the vectors of a context are those of its tokens, which no file need tell', async () => {
  const { model, io } = await expectedOf('cpt');
  const { tensors } = encodeAdapter(adapt(model, { '': cpt(context) }));
  expect(await numbers(tensors.get('prompt_embeddings'))).toEqual(
    await numbers(io.get('start.embedding.weight')),
  );
});

test("a cartridge and a prefix begin as the model's own cache of a text", async () => {
  const { model, io } = await expectedOf('cartridge-text');
  const initTokens = await numbers(io.get('text'));
  for (const method of [
    cartridge({ virtualTokens: 3, initTokens }),
    prefixTuning({ virtualTokens: 3, initTokens }),
  ]) {
    const { tensors } = encodeAdapter(adapt(model, { '': method }));
    expectClose(await numbers(tensors.get('prompt_embeddings')), await numbers(io.get('init')));
  }
});

test('a context whose types do not end with an example keeps the labels of the batch, and in PEFT loses them', async () => {
  const { model, inputs } = await expectedOf('cpt');
  const options = { tokenIds: [3, 17], tokenTypes: [1, 2] };
  const lossOf = async (compat: 'peft' | null): Promise<number> => {
    const tuned = adapt(model, { '': cpt({ ...options, compat }) });
    return (await numbers(tuned.call(inputs, Context.evaluation).loss))[0] ?? NaN;
  };
  expect(await lossOf(null)).toBeGreaterThan(1);
  expect(await lossOf('peft')).toBe(0);
});

test('cartridges go together as one, behind the frozen tokens of the first', async () => {
  const { model, inputs, dir } = await expectedOf('cartridge');
  const other = join(dir, '../cartridge-text');
  const first = await loadAdapter(model, dir, { name: 'first' });
  const both = await loadAdapter(first, other, { name: 'second' });
  const one = composeCartridges(both, ['first', 'second']);
  expect(encodeAdapter(one).config).toMatchObject({ num_virtual_tokens: 7, num_frozen_tokens: 2 });
  expectClose(
    await numbers(one.call(inputs, Context.evaluation).logits),
    await numbers(both.call(inputs, Context.evaluation).logits),
  );
  expect(() => composeCartridges(both, ['third'])).toThrow('third');
});
