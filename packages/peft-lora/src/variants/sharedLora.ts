import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { LoraConfig } from '../lora/loraConfig.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import {
  type Method,
  method,
  parseConfig,
  type SharedTensors,
  type SharingPlace,
  type Variant,
} from '../variant.ts';
import { loraVariant } from './lora.ts';

export interface SharedLoraConfig
  extends Pick<LoraConfig, 'rank' | 'alpha' | 'dropout' | 'useRslora'> {}

const { rank, alpha, dropout, useRslora } = loraVariant.schema.shape;

/** LoRA whose factors all places of one shape have in common, for places that change little: see `loraDrop`. */
export const sharedLoraVariant: Variant<SharedLoraConfig> = {
  name: 'sharedLora',
  paper: 'Zhou et al. 2024, https://arxiv.org/abs/2402.07721',
  schema: z.strictObject({ rank, alpha, dropout, useRslora }),
  kinds: ['linear'],
  traits: {
    identityAtInit: () => true,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: () => 0,
    sharedParameterCount: ({ rank }, shapes) =>
      [...new Map(shapes.map((shape) => [labelOf(shape), shape])).values()].reduce(
        (sum, { out, in: inputs }) => sum + rank * (out + inputs),
        0,
      ),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    useRslora: draw.boolean(),
  }),

  init: () => ({}),

  share(places, key) {
    const made = new Map<string, SharedTensors>();
    return places.map(({ shape, config }) => {
      const label = labelOf(shape);
      const shared = made.get(label) ?? { parameters: firstPair(shape, config, key), frozen: {} };
      made.set(label, shared);
      return shared;
    });
  },

  materialize: (args) => loraVariant.materialize(asLora(args)),
  contract: (x, args) => loraVariant.contract?.(x, asLora(args)) ?? args.product(x),
  lowRank: (args) => loraVariant.lowRank?.(asLora(args)),
};

/** LoRA with one pair of factors for all places of one shape. PEFT has no place for it: `convertToLora` before saving. */
export function sharedLora(
  options: Partial<SharedLoraConfig> & TargetOptions = {},
): Method<SharedLoraConfig> {
  return method(sharedLoraVariant, options);
}

function asLora<A extends { readonly config: SharedLoraConfig }>(
  args: A,
): Omit<A, 'config'> & { readonly config: LoraConfig } {
  return { ...args, config: parseConfig(loraVariant, args.config) };
}

function firstPair(
  shape: SiteShape,
  config: SharingPlace<SharedLoraConfig>['config'],
  key: Tensor,
): SharedTensors['parameters'] {
  const base = (): never => {
    throw new LorikeetError('internal', 'first values that places share know no weight');
  };
  return loraVariant.init({
    shape,
    config: parseConfig(loraVariant, config),
    key,
    base,
    root: base,
    compat: undefined,
    bias: () => null,
    rootBias: () => null,
  });
}

function labelOf({ out, in: inputs }: SiteShape): string {
  return `${out} ${inputs}`;
}
