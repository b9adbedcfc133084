import { add, mul, normal, randomKey } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { computingWith, laws, lora, type Mutant, mutant, withConfig } from './adapterMutant.ts';

const { contract, convolve, schema, peft, configAt, init } = lora;
let calls = 0;

/** Mistakes in how an adapter takes its config, and in its file. */
export const optionMutants: readonly Mutant[] = [
  mutant('an alpha that is ignored', computingWith({ alpha: 2 }), laws.config),
  mutant('a useRslora that is ignored', computingWith({ useRslora: false }), laws.config),
  mutant(
    'an initLoraWeights that is ignored',
    { init: (args) => init(withConfig(args, { initLoraWeights: true })) },
    laws.config,
    laws.start,
  ),
  mutant(
    'a loraBias that is ignored',
    { bias: { ...lora.bias, isUsed: () => false } },
    laws.config,
    laws.count,
  ),
  mutant(
    'a rankPattern that is ignored',
    { configAt: (config, path) => ({ ...configAt(config, path), rank: config.rank }) },
    laws.config,
  ),
  mutant(
    'an alphaPattern that is ignored',
    { configAt: (config, path) => ({ ...configAt(config, path), alpha: config.alpha }) },
    laws.config,
  ),
  mutant(
    'dropout that never acts',
    {
      contract: (x, args) => contract(x, withConfig(args, { dropout: 0 })),
      convolve: (x, args) => convolve(x, withConfig(args, { dropout: 0 })),
    },
    laws.random,
    laws.config,
  ),
  mutant(
    'dropout that acts without being asked',
    { contract: (x, args) => contract(x, withConfig(args, { dropout: 0.5 })) },
    laws.random,
  ),
  mutant(
    'dropout in evaluation',
    {
      contract: (x, args) => add(contract(x, args), mul(normal(randomKey(calls++), [1]), 1e-3)),
    },
    laws.random,
    laws.forms,
  ),
  mutant(
    'a key of a file that two parameters share',
    { peft: { ...peft, keys: () => ({ A: 'lora_A.weight', B: 'lora_A.weight' }) } },
    laws.file,
  ),
  mutant(
    'an option that is not saved',
    { schema: schema.safeExtend({ alpha: z.number().default(8) }) },
    laws.file,
  ),
];
