import { type Law, type LawModel, LawViolation, modelLaws, noise } from '@lorikeet/laws';
import { initModel } from '@lorikeet/model-zoo';
import { mapTree, takesVectors } from '@lorikeet/nn';
import { evaluate, randomKey, stopGradient, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { type Mistake, MutantModel } from './modelMutants/mutant.ts';

// A law that no mistake can break is no law.

const sizes = { vocab_size: 11, initializer_range: 0.5 };
const wide = {
  ...sizes,
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
};
const gpt2 = await make({
  ...sizes,
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  n_embd: 8,
  n_head: 2,
  n_layer: 2,
  n_positions: 12,
});
const bert = await make({
  ...wide,
  model_type: 'bert',
  architectures: ['BertForTokenClassification'],
  num_labels: 3,
  max_position_embeddings: 12,
});

async function make(config: object): Promise<LawModel> {
  let seed = 0;
  const model = await evaluate(
    mapTree(initModel(config, randomKey(1)), (leaf) =>
      leaf.add(tensor(noise(seed++, leaf.size), leaf.shape).mul(0.2)),
    ),
  );
  if (!takesVectors(model)) throw new Error('a model without vectors');
  return model;
}

type Extra = Partial<Parameters<typeof modelLaws<LawModel>>[0]>;

function lawsOf(model: LawModel, mistake: Mistake = {}, extra: Extra = {}): readonly Law[] {
  const mutant = new MutantModel(model, mistake);
  const reload = async (given: LawModel): Promise<LawModel> => given;
  return modelLaws<LawModel>({ make: () => mutant, vocabulary: 11, reload, ...extra });
}

const withoutMask: Mistake = { inputs: ({ attention_mask: _, ...inputs }) => inputs };
const without = (field: 'position_ids' | 'cache_position'): Mistake => ({
  inputs: (inputs) =>
    Object.fromEntries(Object.entries(inputs).filter(([name]) => name !== field)) as typeof inputs,
});
const ahead = 'looks ahead exactly where it is not causal';
const cached = 'reads from a cache what it reads without';
const left = 'does not see padding on the left';
const right = 'does not see padding on the right';
const batch = 'gives for a batch what it gives for its rows';
const gradient = 'sends a gradient to every tensor that counts';
const reloaded = 'is the same when it was saved and loaded';

const mutants: readonly (readonly [string, LawModel, Mistake, Extra, string])[] = [
  [
    'tokens that see later ones',
    gpt2,
    { outputs: (x) => x.add(x.mean(1, { keepAxes: true })) },
    {},
    ahead,
  ],
  ['tokens that do not, and should', gpt2, {}, { isCausal: false }, ahead],
  ['outputs that do not depend on tokens', gpt2, { outputs: (x) => x.mul(0) }, {}, ahead],
  ['a place in the cache that is not heeded', gpt2, without('cache_position'), {}, cached],
  ['padding on the left that is seen', gpt2, withoutMask, {}, left],
  ['places that are not heeded', gpt2, without('position_ids'), {}, left],
  ['padding on the right that is seen', bert, withoutMask, {}, right],
  [
    'rows that are mixed',
    bert,
    { outputs: (x) => x.sub(x.mean(0, { keepAxes: true })) },
    {},
    batch,
  ],
  ['a derivative that is lost', bert, { outputs: (x) => stopGradient(x) }, {}, gradient],
  [
    'a tensor that is lost on the way',
    bert,
    {},
    { reload: async (model) => mapTree(model, (leaf) => leaf.mul(0.5)) },
    reloaded,
  ],
];

test.each([
  ['GPT-2', gpt2, 7],
  ['BERT', bert, 6],
])('%s as it is obeys every law', async (_, model, count) => {
  const laws = lawsOf(model);
  expect(laws).toHaveLength(count);
  for (const law of laws) await law.check({ seed: 3 });
});

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, model, mistake, extra, killer) => {
    const law = lawsOf(model, mistake, extra).find(({ name }) => name === killer);
    await expect(law?.check({ seed: 1, runs: 3 })).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const killers = new Set(mutants.map(([, , , , killer]) => killer));
  expect(lawsOf(gpt2).filter(({ name }) => !killers.has(name))).toEqual([]);
});

test('what a model cannot obey is not held against it', () => {
  const names = (extra: Extra): string[] => lawsOf(bert, {}, extra).map(({ name }) => name);
  expect(names({ chooses: true })).toEqual([right, batch, gradient, reloaded]);
  expect(names({ echoes: true })).toEqual([ahead, right, batch, gradient, reloaded]);
});
