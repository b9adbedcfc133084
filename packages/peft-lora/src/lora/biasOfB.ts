import { add, mul, zeros } from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { BiasRule } from '../variant.ts';
import { type LoraConfig, scalingOf } from './loraConfig.ts';

/** A bias of B's own, scaled as the update. */
export const biasOfB: BiasRule<Pick<LoraConfig, 'loraBias' | 'alpha' | 'rank' | 'useRslora'>> = {
  isUsed: ({ loraBias }) => loraBias,
  init: ({ shape }) => ({ bias: zeros([shape.out]) }),
  materialize: (base, { config, parameters }) =>
    add(base, mul(parameterOf(parameters, 'bias'), scalingOf(config))),
  peftKeys: { bias: 'lora_B.bias' },
};
