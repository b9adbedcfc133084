import {
  add,
  concat,
  cos,
  foldIn,
  mul,
  neg,
  normal,
  ones,
  reshape,
  sin,
  sliceAxis,
  stack,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface RoadConfig {
  /** Angles and scales: one for each pair of outputs, one for each output, or two for each output. */
  readonly variant: 'road_1' | 'road_2' | 'road_4';
  /** Outputs in a group, an even number G that divides them: element i is turned with element i + G / 2. */
  readonly groupSize: number;
  /** Starts as the base; else angles and scales are random. */
  readonly initWeights: boolean;
}

export type RoadOptions = Partial<RoadConfig> & TargetOptions;

/** Parameters of either kind for each output. */
const shares = { road_1: 0.5, road_2: 1, road_4: 2 };

export const roadVariant: Variant<RoadConfig> = {
  name: 'road',
  paper: 'Liao and Monz 2024, https://arxiv.org/abs/2409.00119',
  schema: z.strictObject({
    variant: peftField(z.enum(['road_1', 'road_2', 'road_4']).default('road_1'), 'variant'),
    groupSize: peftField(z.int().positive().multipleOf(2).default(64), 'group_size'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: ({ variant }, { out }) => 2 * shares[variant] * out,
  },
  sample: (draw) => ({
    variant: draw.pick(['road_1', 'road_2', 'road_4']),
    groupSize: draw.pick([2, 2, 4]),
    initWeights: draw.boolean(),
  }),
  sides: [2, 4],
  refusal: ({ groupSize }, { out }) =>
    out % groupSize === 0 ? undefined : `groups of ${groupSize} do not divide ${out} outputs`,
  peft: { type: 'ROAD', inactive: {}, keys: () => ({ theta: 'road_theta', alpha: 'road_alpha' }) },

  init({ shape, config: { variant, initWeights }, key }) {
    const sides = [shares[variant] * shape.out];
    return {
      theta: initWeights ? zeros(sides) : normal(foldIn(key, 'theta'), sides, 0, 0.5),
      alpha: initWeights ? ones(sides) : normal(foldIn(key, 'alpha'), sides, 1, 0.5),
    };
  },

  // Rows of the weight are turned as outputs are.
  materialize: (args) => turn(args.base().permute([1, 0]), args).permute([1, 0]),
  contract: (x, args) => turn(args.product(x), args),
  adaptBias: (bias, args) => (bias === null ? null : turn(bias, args)),
};

/**
 * Rotary adaptation: pairs of outputs, the bias in them too, are turned by trained angles and scaled. Element by
 * element; no matrix is formed.
 */
export function road(options: RoadOptions = {}): Method<RoadConfig> {
  return method(roadVariant, options);
}

/** @param x [..., out] */
function turn(x: Tensor, args: AdapterArguments<RoadConfig>): Tensor {
  const half = args.config.groupSize / 2;
  const pairs = reshape(x, [...x.shape.slice(0, -1), -1, 2, half]); // [..., groups, 2, G / 2]
  const [first, second] = [sliceAxis(pairs, -2, 0, 1), sliceAxis(pairs, -2, 1, 1)];
  const turned = reshape(concat([neg(second), first], -2), x.shape);
  const { straight, across } = scalesOf(args);
  return add(mul(x, straight), mul(turned, across));
}

/** What each output is multiplied with, and what its partner is: [out] both. */
function scalesOf({ config, parameters, shape: { out } }: AdapterArguments<RoadConfig>): {
  readonly straight: Tensor;
  readonly across: Tensor;
} {
  const { variant, groupSize } = config;
  const spread = (name: string): readonly [straight: Tensor, across: Tensor] => {
    const values = parameterOf(parameters, name);
    if (variant === 'road_2') return [values, values];
    if (variant === 'road_1') {
      const halves = reshape(values, [-1, groupSize / 2]);
      const both = reshape(stack([halves, halves], 1), [out]);
      return [both, both];
    }
    const grouped = reshape(values, [-1, 2, groupSize]);
    const part = (index: number): Tensor => reshape(sliceAxis(grouped, 1, index, 1), [out]);
    return [part(0), part(1)];
  };
  const [theta, alpha] = [spread('theta'), spread('alpha')];
  return { straight: mul(alpha[0], cos(theta[0])), across: mul(alpha[1], sin(theta[1])) };
}
