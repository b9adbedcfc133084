import { compile, mul, randomKey, realize, type Tensor, zeros } from '@lorikeet/tensor-core';
import { laws, lora, type Mutant, mutant, withConfig } from './adapterMutant.ts';

const { traits, init } = lora;
const consume = compile((weight: Tensor) => weight.mul(1), { donate: [0] });
let made = 0;

/** Mistakes in what an adapter starts from, and in what it says of itself. */
export const firstValueMutants: readonly Mutant[] = [
  mutant(
    'a fast form that gives the memory of the base away',
    {
      contract(x, args) {
        const result = lora.contract(x, args);
        realize(result);
        consume(args.base());
        return result;
      },
    },
    laws.base,
  ),
  mutant(
    'a trait that promises an identity',
    { traits: { ...traits, identityAtInit: () => true } },
    laws.start,
  ),
  mutant(
    'a trait that denies an identity',
    { traits: { ...traits, identityAtInit: () => false } },
    laws.start,
  ),
  mutant(
    'tables that start as the base, which the trait denies',
    {
      init: (args) =>
        init(args.shape.kind === 'embedding' ? withConfig(args, { initLoraWeights: true }) : args),
    },
    laws.start,
  ),
  mutant(
    'first values that ignore the key',
    { init: (args) => init({ ...args, key: randomKey(0) }) },
    laws.key,
  ),
  mutant(
    'first values that differ for the same key',
    { init: (args) => init({ ...args, key: randomKey(made++) }) },
    laws.key,
    laws.commute,
  ),
  mutant(
    'a copy of the base beside the adapter',
    { frozen: (args) => ({ ...lora.frozen(args), copy: mul(args.base(), 1) }) },
    laws.packed,
  ),
  mutant(
    'a parameter that is not used',
    { init: (args) => ({ ...init(args), C: zeros([1]) }) },
    laws.reach,
    laws.count,
  ),
  mutant(
    'a wrong count',
    {
      traits: {
        ...traits,
        parameterCount: (config, shape) => traits.parameterCount(config, shape) + 1,
      },
    },
    laws.count,
  ),
  mutant(
    'a rank that the trait denies',
    { traits: { ...traits, maxRank: ({ rank }) => rank - 1 } },
    laws.rank,
  ),
];
