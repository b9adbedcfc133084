import type { Tensors } from '@lorikeet/peft-lora';
import { add, mul, permute, reshape, stopGradient, type Tensor } from '@lorikeet/tensor-core';
import { laws, lora, type Mutant, mutant, withConfig } from './adapterMutant.ts';

const { materialize, contract, gather, convolve, contractExperts, lowRank, traits } = lora;
let calls = 0;

/** Mistakes in what an adapter computes. */
export const productMutants: readonly Mutant[] = [
  mutant(
    'a meaning that forgets the base',
    { materialize: (args) => materialize({ ...args, base: () => mul(args.base(), 0) }) },
    laws.forms,
    laws.merged,
  ),
  mutant(
    'a fast form that forgets the base',
    { contract: (x, args) => contract(x, { ...args, product: (y) => mul(args.product(y), 0) }) },
    laws.forms,
    laws.merged,
    laws.start,
  ),
  mutant(
    'a product with numbers of half the digits',
    {
      contract: (x, args) => contract(x.dtype === 'f32' ? x.cast('f16').cast('f32') : x, args),
    },
    laws.single,
  ),
  mutant(
    'a transposed B',
    { contract: (x, args) => contract(x, { ...args, parameters: transposed(args.parameters) }) },
    laws.forms,
    laws.merged,
  ),
  mutant(
    'a product with another scale',
    { contract: (x, args) => contract(x, withConfig(args, { alpha: 7 })) },
    laws.forms,
    laws.merged,
  ),
  mutant(
    'a lookup with another scale',
    { gather: (ids, args) => gather(ids, withConfig(args, { alpha: 7 })) },
    laws.forms,
    laws.merged,
  ),
  mutant(
    'a convolution with another scale',
    { convolve: (x, args) => convolve(x, withConfig(args, { alpha: 7 })) },
    laws.forms,
    laws.merged,
  ),
  mutant(
    'a product of experts with another scale',
    { contractExperts: (x, args) => contractExperts(x, withConfig(args, { alpha: 7 })) },
    laws.forms,
    laws.merged,
  ),
  mutant(
    'a fast form that scales what is under it',
    {
      contract: (x, args) => contract(x, { ...args, product: (y) => mul(args.product(y), 1.001) }),
    },
    laws.forms,
    laws.stack,
  ),
  mutant(
    'a fast form that holds back the gradient of its input',
    { contract: (x, args) => contract(stopGradient(x), args) },
    laws.merged,
  ),
  mutant('a gradient that is held back', withParameters(stopGradient), laws.gradient, laws.reach),
  mutant(
    'a gradient that is held back in part',
    withParameters((leaf) => add(mul(leaf, 0.5), mul(stopGradient(leaf), 0.5))),
    laws.gradient,
  ),
  mutant(
    'a gradient that is held back in training',
    {
      contract: (x, args) =>
        contract(x, {
          ...args,
          parameters: args.context.isTraining
            ? map(args.parameters, stopGradient)
            : args.parameters,
        }),
    },
    laws.gradient,
  ),
  mutant(
    'an output that grows with every call',
    { contract: (x, args) => mul(contract(x, args), 1 + 1e-6 * calls++) },
    laws.mix,
    laws.stack,
    laws.commute,
    laws.random,
  ),
  mutant(
    'an update of full rank',
    { materialize: (args) => add(materialize(args), mul(args.base(), args.base())) },
    laws.rank,
    laws.forms,
  ),
  mutant(
    'a trait that promises to keep angles',
    { traits: { ...traits, keepsAngles: () => true } },
    laws.angles,
  ),
  mutant(
    'thin factors with another scale',
    {
      lowRank(args) {
        const pair = lowRank(args);
        return pair && { ...pair, scale: 2 * pair.scale };
      },
    },
    laws.batch,
    laws.invoked,
  ),
  mutant(
    'a meaning that is less exact in single precision',
    {
      materialize(args) {
        const weight = materialize(args);
        return weight.dtype === 'f64' ? weight : mul(weight, 1.001);
      },
    },
    laws.bound,
    laws.requantised,
  ),
];

function map(parameters: Tensors, fn: (leaf: Tensor) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(parameters).map(([name, leaf]) => [name, fn(leaf)]));
}

/** LoRA that sees its parameters through a function. */
function withParameters(
  fn: (leaf: Tensor) => Tensor,
): Pick<typeof lora, 'materialize' | 'contract'> {
  return {
    materialize: (args) => materialize({ ...args, parameters: map(args.parameters, fn) }),
    contract: (x, args) => contract(x, { ...args, parameters: map(args.parameters, fn) }),
  };
}

/** With B as if its axes were stored the other way round. */
function transposed({ A, B, ...rest }: Tensors): Tensors {
  if (A === undefined || B === undefined) throw new Error('lora has lost a parameter');
  return { ...rest, A, B: reshape(permute(B, [1, 0]), B.shape) };
}
