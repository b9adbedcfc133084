import { alias } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, type Variant } from '../variant.ts';

/** It has no options. */
export type LnTuningConfig = Readonly<Record<string, never>>;

export type LnTuningOptions = Partial<LnTuningConfig> & TargetOptions;

export const lnTuningVariant: Variant<LnTuningConfig> = {
  name: 'lnTuning',
  paper: 'Zhao et al. 2023, https://arxiv.org/abs/2312.11420',
  schema: z.strictObject({}),
  kinds: ['norm'],
  traits: {
    identityAtInit: () => true,
    maxRank: () => undefined,
    isRandomAtInit: () => false,
    isStochastic: () => false,
    parameterCount: (_, { out, hasBias }) => (hasBias ? 2 * out : out),
  },
  sample: () => ({}),
  peft: {
    type: 'LN_TUNING',
    inactive: { exclude_modules: null },
    keys: () => ({ weight: 'ln_tuning_layers.weight', bias: 'ln_tuning_layers.bias' }),
  },

  // The same values under other identities: the base stays the model's own.
  init({ base, bias }) {
    const shift = bias();
    return { weight: alias(base()), ...(shift === null ? {} : { bias: alias(shift) }) };
  },

  materialize: ({ parameters }) => parameterOf(parameters, 'weight'),
  adaptBias: (bias, { parameters }) => (bias === null ? null : parameterOf(parameters, 'bias')),
};

/** Tuning of layer normalisations: scale and shift of each train, beside their first values. */
export function lnTuning(options: LnTuningOptions = {}): Method<LnTuningConfig> {
  return method(lnTuningVariant, options);
}
