import { add, normal, reshape, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, peftField, type Tensors, type Variant } from '../variant.ts';

export interface BeftConfig {
  /** Starts as the base; else the change is random. */
  readonly initWeights: boolean;
}

export type BeftOptions = Partial<BeftConfig> & TargetOptions;

export const beftVariant: Variant<BeftConfig> = {
  name: 'beft',
  paper: 'Huang et al. 2025, https://arxiv.org/abs/2509.15974',
  schema: z.strictObject({ initWeights: peftField(z.boolean().default(true), 'init_weights') }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => 0,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: (_, { out }) => out,
  },
  sample: (draw) => ({ initWeights: draw.boolean() }),
  peft: { type: 'BEFT', keys: () => ({ change: 'beft_bias' }) },

  init: ({ shape: { out }, config: { initWeights }, key }) => ({
    change: initWeights ? zeros([1, out]) : normal(key, [1, out]),
  }),

  materialize: ({ base }) => base(),
  contract: (x, { product }) => product(x),
  adaptBias: (bias, { parameters }) =>
    bias === null ? changeOf(parameters) : add(bias, changeOf(parameters)),
};

/**
 * Bias-efficient fine-tuning: a change of the bias of a module alone. A module without a bias gets one; merged, it keeps
 * it.
 */
export function beft(options: BeftOptions = {}): Method<BeftConfig> {
  return method(beftVariant, options);
}

/** [out] */
function changeOf(parameters: Tensors): Tensor {
  return reshape(parameterOf(parameters, 'change'), [-1]);
}
