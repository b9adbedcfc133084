import { Linear, materialize } from '@lorikeet/nn';
import { bottleneckVariant } from '@lorikeet/peft-lora';
import { add, foldIn, mapTensors, mean, mul, stopGradient, Tensor } from '@lorikeet/tensor-core';
import { laws, type ModuleAdapterMutant, mutant } from './moduleAdapterMutant.ts';

const { call, init, traits, peft } = bottleneckVariant;

type CallArguments = Parameters<typeof call>[0];

/** How many first values of one mutant there are so far. */
let made = 0;

/** What the call gives, changed where it is in f32. */
function inSingle(change: (x: Tensor) => Tensor): (args: CallArguments) => unknown {
  return (args) => {
    const output = call(args);
    return output instanceof Tensor && output.dtype === 'f32' ? change(output) : output;
  };
}

/** The call of a bottleneck whose base gives something else. */
function behind(change: (x: Tensor) => Tensor): (args: CallArguments) => unknown {
  return (args) =>
    call({
      ...args,
      base: (...inputs) => {
        const output = args.base(...inputs);
        return output instanceof Tensor ? change(output) : output;
      },
    });
}

export const mistakes: readonly ModuleAdapterMutant[] = [
  mutant(
    'a call that changes the module',
    {
      call(args) {
        if (args.module instanceof Linear)
          Reflect.set(args.module, 'weight', mul(materialize(args.module.weight), 1));
        return call(args);
      },
    },
    laws.base,
  ),
  mutant(
    'a start that is promised to be another',
    { traits: { ...traits, identityAtInit: () => false } },
    laws.start,
  ),
  mutant(
    'a start away from the base, which the trait denies',
    { init: (args) => mapTensors(init(args), (leaf) => add(leaf, 0.1)) },
    laws.start,
  ),
  mutant(
    'numbers of half the digits',
    { call: inSingle((x) => x.cast('f16').cast('f32')) },
    laws.single,
  ),
  mutant('digits that cancel', { call: inSingle((x) => x.add(1e4).sub(1e4)) }, laws.single),
  mutant(
    'a slope of half the digits',
    {
      call: inSingle((x) => {
        const narrow = x.cast('f16').cast('f32');
        return stopGradient(x.sub(narrow)).add(narrow);
      }),
    },
    laws.single,
  ),
  mutant(
    'first values by the time they are made at',
    { init: (args) => init({ ...args, key: foldIn(args.key, made++) }) },
    laws.key,
  ),
  mutant(
    'a count without the biases',
    { traits: { ...traits, parameterCount: ({ size }) => 8 * size } },
    laws.count,
  ),
  mutant(
    'a gradient that does not reach the last layer',
    {
      call: (args) =>
        call({
          ...args,
          parameters: {
            ...args.parameters,
            up: mapTensors(args.parameters.up, (leaf) => stopGradient(leaf)),
          },
        }),
    },
    laws.reach,
    laws.gradient,
  ),
  mutant(
    'a gradient that does not go on to the layers before',
    { call: behind(stopGradient) },
    laws.gradient,
  ),
  mutant(
    'no dropout, which the trait claims',
    { call: (args) => call({ ...args, config: { ...args.config, dropout: 0 } }) },
    laws.random,
    laws.config,
  ),
  mutant(
    'randomness that the trait denies',
    { traits: { ...traits, isStochastic: () => false } },
    laws.random,
  ),
  mutant(
    'rows that know of each other',
    { call: behind((x) => add(x, mean(x, 0, { keepAxes: true }))) },
    laws.rows,
  ),
  mutant(
    'rows that are said to know of each other',
    { traits: { ...traits, mixesRows: () => true } },
    laws.rows,
  ),
  mutant('no place to be', { accepts: () => false }, laws.merge, laws.reach),
  mutant(
    'an option that nothing reads',
    { call: (args) => call({ ...args, config: { ...args.config, scaling: 1 } }) },
    laws.config,
  ),
  mutant(
    'a file with other numbers',
    peft === undefined
      ? {}
      : {
          peft: {
            ...peft,
            encode: (...args) => mapTensors(peft.encode(...args), (leaf) => mul(leaf, 2)),
          },
        },
    laws.file,
  ),
];
