import {
  add,
  dot,
  expandDims,
  foldIn,
  full,
  mul,
  normal,
  reshape,
  slice,
  swapAxes,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { largestSides } from '../largestSides.ts';
import { parameterOf } from '../parameterOf.ts';
import { randomBases } from '../randomBases.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface RandloraConfig {
  /** Rank R of each of the random bases. */
  readonly rank: number;
  /** The update is scaled by alpha / R. */
  readonly alpha: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Bases of -1, 0 and 1, two thirds of them 0. */
  readonly sparse: boolean;
  /** The same with 1 in sqrt(D) other than 0, where D is the smaller side; goes before `sparse`. */
  readonly verySparse: boolean;
  /** Seed of the bases, which all places share: PyTorch's generator on a CPU, so that PEFT makes the same. */
  readonly projectionSeed: number;
  /** Whether files hold the bases; else they are made from the seed again. */
  readonly saveProjection: boolean;
  /** Starts as the base; else the scales of the ranks are random. */
  readonly initWeights: boolean;
}

export type RandloraOptions = Partial<RandloraConfig> & TargetOptions;

export const randloraVariant: Variant<RandloraConfig> = {
  name: 'randlora',
  paper: 'Albert et al. 2025, https://arxiv.org/abs/2502.00987',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(32), 'r'),
    alpha: peftField(z.number().default(640), 'randlora_alpha'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'randlora_dropout'),
    sparse: peftField(z.boolean().default(false), 'sparse'),
    verySparse: peftField(z.boolean().default(false), 'very_sparse'),
    projectionSeed: peftField(z.int().min(0).default(0), 'projection_prng_key'),
    saveProjection: peftField(z.boolean().default(true), 'save_projection'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount({ rank: R }, shape) {
      const count = baseCount(shape, R);
      return count * (R + smallerSide(shape));
    },
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    sparse: draw.boolean(),
    verySparse: draw.boolean(),
    // With these the parts of sparse bases that tiny weights take are not all zeros.
    projectionSeed: draw.pick([26534, 27127, 27895]),
    saveProjection: draw.boolean(),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'RANDLORA',
    inactive: {
      bias: 'none',
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    // PEFT writes the bases for each place again, beside those that all share.
    keys: (_kind, { saveProjection }) => ({
      lambda: 'randlora_lambda',
      gamma: 'randlora_gamma',
      ...(saveProjection ? { A: 'randlora_A', B: 'randlora_B' } : {}),
    }),
    sharedKeys: ({ saveProjection }) =>
      saveProjection ? { A: 'randlora_A', B: 'randlora_B' } : {},
  },

  init({ shape, config: { rank: R, initWeights }, key }) {
    const [count, small, large] = [baseCount(shape, R), smallerSide(shape), largerSide(shape)];
    const scale = 1 / (initWeights ? Math.max(count, small) : large);
    return {
      lambda: initWeights ? zeros([R, count]) : normal(foldIn(key, 'lambda'), [R, count]),
      gamma: full([count, small], scale),
    };
  },

  share(places) {
    const config = places[0]?.config;
    if (config === undefined) return [];
    const { rank: R } = config;
    const { out, in: inputs } = largestSides(places.map(({ shape }) => shape));
    const [small, large] = [Math.min(out, inputs), Math.max(out, inputs)];
    const count = Math.ceil(small / R);
    const { A, B } = randomBases({ ...config, small, large, count });
    const shared = {
      parameters: {},
      frozen: { A: tensor(A, [R, 1, small]), B: tensor(B, [large, count, R]) },
    };
    return places.map(() => shared);
  },

  materialize(args) {
    const { down, up } = factorsOf(args);
    const update = dot(up, down, { contract: [[1], [0]] }); // [out, in]
    return add(args.base(), mul(update, args.config.alpha / args.config.rank));
  },

  contract(x, args) {
    const { down, up } = factorsOf(args);
    const input = args.context.dropout(x, args.config.dropout);
    const low = dot(input, down, { contract: [[-1], [1]] }); // [..., R * bases]
    const update = dot(low, up, { contract: [[-1], [1]] }); // [..., out]
    return add(args.product(x), mul(update, args.config.alpha / args.config.rank));
  },
};

/**
 * Random bases of low rank that add up to full rank: the weight plus `alpha / R` times a sum of products `B A` of
 * random matrices, in which only scales of the ranks and of the smaller side train. All places take their parts of one
 * pair of bases.
 *
 * As in PEFT, column (basis, rank) of B, counted by bases first, meets row (rank, basis) of A, counted by ranks first.
 */
export function randlora(options: RandloraOptions = {}): Method<RandloraConfig> {
  return method(randloraVariant, options);
}

function smallerSide({ out, in: inputs }: SiteShape): number {
  return Math.min(out, inputs);
}

function largerSide({ out, in: inputs }: SiteShape): number {
  return Math.max(out, inputs);
}

/** Bases of rank R that it takes to full rank. */
function baseCount(shape: SiteShape, R: number): number {
  return Math.ceil(smallerSide(shape) / R);
}

/** The two factors of the update: down is [R * bases, in], up is [out, R * bases]. The scaled one has the smaller side. */
function factorsOf({ shape, config, frozen, parameters }: AdapterArguments<RandloraConfig>): {
  readonly down: Tensor;
  readonly up: Tensor;
} {
  const { rank: R } = config;
  const [count, small, large] = [baseCount(shape, R), smallerSide(shape), largerSide(shape)];
  const A = slice(parameterOf(frozen, 'A'), [0, 0, 0], [R, 1, small]);
  const B = slice(parameterOf(frozen, 'B'), [0, 0, 0], [large, count, R]);
  const scaled = mul(
    mul(A, expandDims(parameterOf(parameters, 'lambda'), -1)),
    expandDims(parameterOf(parameters, 'gamma'), 0),
  ); // [R, bases, small]
  const [thin, wide] = [reshape(scaled, [R * count, small]), reshape(B, [large, count * R])];
  return shape.in === small
    ? { down: thin, up: wide }
    : { down: swapAxes(wide), up: swapAxes(thin) };
}
