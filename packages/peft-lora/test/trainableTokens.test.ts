import { Context, contract, Embedding, type InputSite, Linear, tiedPart } from '@lorikeet/nn';
import {
  adapt,
  adapterEntries,
  decodeAdapter,
  disable,
  encodeAdapter,
  lora,
  merge,
  trainableTokens,
} from '@lorikeet/peft-lora';
import { normal, randomKey, type Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { expectClose, fileOf, numbers, trainedForm } from './support.ts';

/** A model of one layer whose head is its embedding. */
class Tied {
  readonly words: Embedding = new Embedding(normal(randomKey(1), [5, 3]));
  readonly layer: Linear = new Linear(normal(randomKey(2), [3, 3]), null);

  get tiedWeights(): Readonly<Record<string, string>> {
    return { 'head.weight': 'words.weight' };
  }

  get inputSite(): InputSite {
    return {
      embedding: 'words',
      width: 3,
      layers: 0,
      heads: 1,
      keyValueHeads: 1,
      headSize: 3,
      labels: 'rows',
    };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('words', this.words, ids);
  }

  call(ids: Tensor, context: Context): Tensor {
    const state = context.call('layer', this.layer, this.embed(ids, context));
    return contract(state, tiedPart(this.words.weight), { inputAxis: 1 }, context);
  }
}

const model = new Tied();
const ids = tensor([[0, 1, 4, 2]], undefined, 'i32');
const outputOf = (tuned: Tied): Tensor => tuned.call(ids, Context.evaluation);
const changed = normal(randomKey(3), [2, 3]);

const file = async (tensors: ReadonlyMap<string, Tensor>): ReturnType<typeof fileOf> =>
  fileOf(await adapterEntries(tensors));

test('a tied head has the rows too, as the merged model has', async () => {
  const tuned = await trainedForm(
    adapt(model, { words: trainableTokens({ tokenIndices: [4, 1] }) }),
  );
  await expectClose(outputOf(tuned), outputOf(merge(tuned)), 1e-5);
  expect(await numbers(outputOf(disable(tuned)))).toEqual(await numbers(outputOf(model)));
});

test('LoRA on the table leaves the tied head alone', async () => {
  const tuned = adapt(model, { words: lora({ initLoraWeights: false }) });
  const head = tiedPart(tuned.words.weight);
  expect(head).toBe(model.words.weight);
});

test('the file has the rows under both names, and loads with either', async () => {
  const tuned = await trainedForm(
    adapt(model, { words: trainableTokens({ tokenIndices: [4, 1] }) }),
  );
  const { config, tensors } = encodeAdapter(tuned);
  expect([...tensors.keys()]).toEqual([
    'base_model.model.words.trainable_tokens_delta',
    'base_model.model.head.trainable_tokens_delta',
  ]);
  expect(config).toMatchObject({ peft_type: 'TRAINABLE_TOKENS', token_indices: [4, 1] });
  expect(config).not.toHaveProperty('modules_to_save');
  const expected = await numbers(outputOf(tuned));
  const whole = await file(tensors);
  const first = await file(new Map([...tensors].slice(0, 1)));
  for (const stored of [whole, first]) {
    const loaded = await decodeAdapter(model, { config, tensors: stored });
    expect(await numbers(outputOf(loaded))).toEqual(expected);
  }
  const [one = '', other = ''] = tensors.keys();
  const torn = await file(
    new Map([
      [one, changed],
      [other, changed.mul(2)],
    ]),
  );
  await expect(decodeAdapter(model, { config, tensors: torn })).rejects.toMatchObject({
    code: 'unexpected-tensor',
  });
});

test('a config without targets means the embedding of the tokens', async () => {
  const tuned = await trainedForm(
    adapt(model, { words: trainableTokens({ tokenIndices: [4, 1] }) }),
  );
  const { config, tensors } = encodeAdapter(tuned);
  const open = { ...config, target_modules: null };
  const loaded = await decodeAdapter(model, { config: open, tensors: await file(tensors) });
  expect(await numbers(outputOf(loaded))).toEqual(await numbers(outputOf(tuned)));
});

test('goes with LoRA in one adapter, in the words of PEFT', async () => {
  const spec = { words: trainableTokens({ tokenIndices: [4, 1] }), layer: lora({ rank: 1 }) };
  const tuned = await trainedForm(adapt(model, spec));
  const { config, tensors } = encodeAdapter(tuned);
  expect(config).toMatchObject({
    peft_type: 'LORA',
    target_modules: ['layer'],
    trainable_token_indices: { words: [4, 1] },
  });
  expect([...tensors.keys()]).toContain(
    'base_model.model.words.token_adapter.trainable_tokens_delta',
  );
  const tensorsAgain = await file(tensors);
  for (const trainable_token_indices of [{ words: [4, 1] }, [4, 1]]) {
    const words = { ...config, trainable_token_indices };
    const loaded = await decodeAdapter(model, { config: words, tensors: tensorsAgain });
    expect(await numbers(outputOf(loaded))).toEqual(await numbers(outputOf(tuned)));
    expect(encodeAdapter(loaded).config).toEqual(words);
  }
});

test('what cannot be is refused by name', async () => {
  expect(() => adapt(model, { words: trainableTokens({ tokenIndices: [5] }) })).toThrow(
    'there is no token 5 among 5',
  );
  expect(() => trainableTokens({ tokenIndices: [1, 1] })).toThrow('names a token twice');
  const config = {
    peft_type: 'LORA',
    target_modules: ['layer'],
    trainable_token_indices: { word: [1] },
  };
  const tensors = await file(new Map());
  await expect(decodeAdapter(model, { config, tensors })).rejects.toMatchObject({
    code: 'no-match',
  });
  const both = { ...config, target_modules: ['words'], trainable_token_indices: [1] };
  await expect(decodeAdapter(model, { config: both, tensors })).rejects.toMatchObject({
    code: 'unsupported',
  });
});
