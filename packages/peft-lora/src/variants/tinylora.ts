import {
  add,
  dot,
  foldIn,
  leadingSvd,
  mul,
  swapAxes,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import { roundHalfToEven } from '../roundHalfToEven.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { MersenneTwister } from '../torch/mersenneTwister.ts';
import { normalValues } from '../torch/randomValues.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface TinyloraConfig {
  /** Singular vectors R of the weight that the update is made of. */
  readonly rank: number;
  /** Length U of each trained vector. */
  readonly vectorLength: number;
  /** From 0, where each place has a vector of its own, to 1, where all places share one. */
  readonly weightTying: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Seed of the projections, to which each place adds its number: PyTorch's generator on a CPU. */
  readonly projectionSeed: number;
  /** Whether files hold the projections; else they are made from the seed again. */
  readonly saveProjection: boolean;
  /** Starts as the base; else the vectors are random. */
  readonly initWeights: boolean | 'uniform';
  /** Random first values lie between minus and plus this. */
  readonly initBound: number;
}

export type TinyloraOptions = Partial<TinyloraConfig> & TargetOptions;

export const tinyloraVariant: Variant<TinyloraConfig> = {
  name: 'tinylora',
  paper: 'Morris et al. 2026, https://arxiv.org/abs/2602.04118',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(2), 'r'),
    vectorLength: peftField(z.int().positive().default(64), 'u'),
    weightTying: peftField(z.number().min(0).max(1).default(0), 'weight_tying'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'tinylora_dropout'),
    projectionSeed: peftField(z.int().min(0).default(42), 'projection_seed'),
    saveProjection: peftField(z.boolean().default(true), 'save_projection'),
    initWeights: peftField(z.literal([true, false, 'uniform']).default(true), 'init_weights'),
    initBound: peftField(z.number().positive().default(0.02), 'init_v_bound'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights === true,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: ({ initWeights }) => initWeights !== true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: () => 0,
    sharedParameterCount: ({ vectorLength, weightTying }, shapes) =>
      vectorLength * new Set(groupsOf(shapes.length, weightTying)).size,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    vectorLength: draw.integer(1, 4),
    weightTying: draw.pick([0, 0.5, 1]),
    dropout: draw.pick([0, 0.5]),
    projectionSeed: draw.integer(0, 5),
    saveProjection: draw.boolean(),
    initWeights: draw.pick([true, false, 'uniform']),
    initBound: draw.pick([0.02, 1]),
  }),
  peft: {
    type: 'TINYLORA',
    inactive: {
      bias: 'none',
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: (_kind, { saveProjection }) => ({
      A: 'tinylora_A',
      B: 'tinylora_B',
      ...(saveProjection ? { P: 'tinylora_P' } : {}),
    }),
    sharedKeys: () => ({ v: 'tinylora_v.{n}' }),
  },

  init: () => ({}),

  frozen({ shape, config, base, index }) {
    const [R, U] = [rankOf(shape, config), config.vectorLength];
    const { u, s, v } = leadingSvd(base(), R);
    const P = normalValues(new MersenneTwister(config.projectionSeed + index), U * R * R);
    return {
      A: swapAxes(v), // [R, in]
      B: mul(u, s), // [out, R]
      P: tensor(
        P.map((value) => value / Math.sqrt(R)),
        [U, R, R],
      ),
    };
  },

  share(places, key) {
    const config = places[0]?.config;
    if (config === undefined) return [];
    const { vectorLength, weightTying, initWeights, initBound } = config;
    const groups = groupsOf(places.length, weightTying);
    const make = (group: number): Tensor =>
      initWeights === true
        ? zeros([vectorLength])
        : uniform(foldIn(key, group), [vectorLength], -initBound, initBound);
    const vectors = new Map(
      groups.map((group) => [group, { parameters: { v: make(group) }, frozen: {} }]),
    );
    return groups.flatMap((group) => vectors.get(group) ?? []);
  },

  materialize(args) {
    const { down, up } = factorsOf(args);
    return add(args.base(), dot(up, down, { contract: [[1], [0]] })); // [out, in]
  },

  contract(x, args) {
    const { down, up } = factorsOf(args);
    const low = dot(args.context.dropout(x, args.config.dropout), down, { contract: [[-1], [1]] });
    return add(args.product(x), dot(low, up, { contract: [[-1], [1]] })); // [..., out]
  },

  lowRank(args) {
    const { down, up } = factorsOf(args);
    return { left: up, right: down, scale: 1 };
  },
};

/**
 * A handful of parameters: the weight plus `B M A`, where A and B are its leading singular vectors, B scaled by the
 * singular values, and M is the sum of fixed random matrices [R, R] by the trained vector, which places may share.
 */
export function tinylora(options: TinyloraOptions = {}): Method<TinyloraConfig> {
  return method(tinyloraVariant, options);
}

function rankOf(shape: SiteShape, { rank }: TinyloraConfig): number {
  return Math.min(rank, shape.in, shape.out);
}

/** Which vector each place has. */
function groupsOf(places: number, weightTying: number): number[] {
  const groups = Math.max(1, roundHalfToEven(places * (1 - weightTying)));
  const size = Math.max(1, Math.floor(places / groups));
  return Array.from({ length: places }, (_, i) => Math.min(Math.floor(i / size), groups - 1));
}

/** Down is [R, in], up is [out, R]. */
function factorsOf({
  frozen,
  parameters,
}: Pick<AdapterArguments<TinyloraConfig>, 'frozen' | 'parameters'>): {
  readonly down: Tensor;
  readonly up: Tensor;
} {
  const mixed = dot(parameterOf(parameters, 'v'), parameterOf(frozen, 'P'), {
    contract: [[0], [0]],
  }); // [R, R]
  const down = dot(mixed, parameterOf(frozen, 'A'), { contract: [[1], [0]] });
  return { down, up: parameterOf(frozen, 'B') };
}
