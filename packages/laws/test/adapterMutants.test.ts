import { adapterLaws, LawViolation } from '@lorikeet/laws';
import { type LoraConfig, loraVariant, type Variant } from '@lorikeet/peft-lora';
import {
  add,
  mul,
  normal,
  randomKey,
  stopGradient,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

// A law that no mistake can break is no law.

type Lora = Variant<LoraConfig>;

function mutant(change: Partial<Lora>): Lora {
  return { ...loraVariant, ...change };
}

const { traits, contract, init, materialize, peft, bias } = loraVariant;
if (contract === undefined || peft === undefined || bias === undefined)
  throw new Error('lora has lost a part');

/** A change of some config before it is used. */
const with_ =
  (change: Partial<LoraConfig>) =>
  <A extends { readonly config: LoraConfig }>(args: A): A => ({
    ...args,
    config: { ...args.config, ...change },
  });

const counted = { draws: 0 };

const mutants: readonly (readonly [mistake: string, variant: Lora, killer: string])[] = [
  [
    'a meaning that forgets the base',
    mutant({ materialize: (args) => materialize({ ...args, base: () => mul(args.base(), 0) }) }),
    'gives in its fast forms what its meaning gives',
  ],
  [
    'a trait that promises an identity',
    mutant({ traits: { ...traits, identityAtInit: () => true } }),
    'starts as the base exactly where its trait says so',
  ],
  [
    'a trait that denies an identity',
    mutant({ traits: { ...traits, identityAtInit: () => false } }),
    'starts as the base exactly where its trait says so',
  ],
  [
    'a fast form with another scale',
    mutant({ contract: (x, args) => contract(x, with_({ alpha: 7 })(args)) }),
    'gives in its fast forms what its meaning gives',
  ],
  [
    'a fast form that forgets the base',
    mutant({
      contract: (x, args) =>
        contract(x, { ...args, product: (input) => mul(args.product(input), 0) }),
    }),
    'merged gives the same output, and the same gradient of the input',
  ],
  [
    'a fast form that holds back the gradient of its input',
    mutant({ contract: (x, args) => contract(stopGradient(x), args) }),
    'merged gives the same output, and the same gradient of the input',
  ],
  [
    'a meaning that adds up with every call',
    mutant({ contract: (x, args) => mul(contract(x, args), 1 + 1e-6 * counted.draws++) }),
    'mixes in a straight line from the base to itself',
  ],
  [
    'a fast form that multiplies with the plain base only',
    mutant({
      contract: (x, args) =>
        contract(x, {
          ...args,
          product: (input) => mul(args.product(input), args.context.isTraining ? 1 : 1.001),
        }),
    }),
    'stacks: on an adapted weight it does what it does on the merged one',
  ],
  [
    'first values that depend on the order of making',
    mutant({ init: (args) => init({ ...args, key: randomKey(counted.draws++) }) }),
    'commutes with an adapter in another place',
  ],
  [
    'a parameter that is not used',
    mutant({ init: (args) => ({ ...init(args), C: zeros([1]) }) }),
    'sends a gradient to each of its parameters, and trains nothing of the base',
  ],
  [
    'a gradient that is held back',
    mutant({
      materialize: (args) => materialize({ ...args, parameters: frozenA(args.parameters) }),
      contract: (x, args) => contract(x, { ...args, parameters: frozenA(args.parameters) }),
    }),
    'has gradients that equal differences',
  ],
  [
    'dropout in evaluation',
    mutant({
      contract: (x, args) =>
        add(contract(x, args), mul(normal(randomKey(counted.draws++), [1]), 1e-3)),
    }),
    'draws random numbers in training only, and only if its trait says so',
  ],
  [
    'dropout that never acts',
    mutant({ contract: (x, args) => contract(x, with_({ dropout: 0 })(args)) }),
    'draws random numbers in training only, and only if its trait says so',
  ],
  [
    'a wrong count',
    mutant({
      traits: {
        ...traits,
        parameterCount: (config, shape) => traits.parameterCount(config, shape) + 1,
      },
    }),
    'has as many parameters as its closed form says',
  ],
  [
    'a rank above the bound',
    mutant({ traits: { ...traits, maxRank: ({ rank }) => rank - 1 } }),
    'changes a weight by no more than its rank',
  ],
  [
    'first values that ignore the key',
    mutant({ init: (args) => init({ ...args, key: randomKey(0) }) }),
    'is made by its key alone',
  ],
  [
    'first values that ignore their seed',
    mutant({ init: (args) => init({ ...args, key: randomKey(counted.draws++) }) }),
    'is made by its key alone',
  ],
  [
    'an option that is ignored',
    mutant({
      materialize: (args) => materialize(with_({ useRslora: false })(args)),
      contract: (x, args) => contract(x, with_({ useRslora: false })(args)),
      bias: {
        ...bias,
        materialize: (base, args) => bias.materialize(base, with_({ useRslora: false })(args)),
      },
      kinds: ['linear'],
    }),
    'heeds every option of its config',
  ],
  [
    'a key of a file that two parameters share',
    mutant({ peft: { ...peft, keys: () => ({ A: 'lora_A.weight', B: 'lora_A.weight' }) } }),
    'is the same after it was saved and loaded',
  ],
  [
    'a config that is not saved',
    mutant({
      schema: loraVariant.schema.extend({
        alpha: loraVariant.schema.shape.rank?.default(8) ?? loraVariant.schema,
      }),
      kinds: ['linear'],
    }),
    'is the same after it was saved and loaded',
  ],
];

function frozenA({
  A,
  ...rest
}: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> {
  return A === undefined ? rest : { ...rest, A: add(mul(A, 0.5), mul(stopGradient(A), 0.5)) };
}

test('lora as it is obeys every law', async () => {
  for (const law of adapterLaws(loraVariant)) await law.check({ seed: 2 });
});

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, variant, killer) => {
    const law = adapterLaws(variant).find(({ name }) => name === killer);
    await expect(law?.check({ runs: 60, seed: 1 })).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const killers = new Set(mutants.map(([, , killer]) => killer));
  const names = adapterLaws(loraVariant).map(({ name }) => name);
  const byOthers = ['leaves every tensor of the base as it is, and gives them back when disabled'];
  expect(names.filter((name) => !killers.has(name))).toEqual(byOthers);
});
