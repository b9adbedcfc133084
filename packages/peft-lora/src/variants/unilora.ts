import { gather, mul, normal, type Tensor, tensor, uniform } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { Pcg64 } from '../numpy/pcg64.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type ThinFactors, thinForms } from '../thinForms.ts';
import {
  type AdapterArguments,
  type Method,
  method,
  peftField,
  type SharingPlace,
  type Variant,
} from '../variant.ts';

export interface UniloraConfig {
  /** Rank R of the update. */
  readonly rank: number;
  /** Seed of the choice of numbers: NumPy's generator, so that PEFT chooses the same. */
  readonly projectionSeed: number;
  /** Numbers that train, for all places together. */
  readonly vectorLength: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** First values lie between minus and plus this. */
  readonly initBound: number;
  /** Starts from small numbers; else from normal ones. Never the base. */
  readonly initWeights: boolean;
  /** Whether files tell which number is where; else that is made from the seed again. */
  readonly saveIndices: boolean;
}

export type UniloraOptions = Partial<UniloraConfig> & TargetOptions;

const count = z.int().positive();

export const uniloraVariant: Variant<UniloraConfig> = {
  name: 'unilora',
  paper: 'Li et al. 2025, https://arxiv.org/abs/2506.00799',
  schema: z.strictObject({
    rank: peftField(count.default(4), 'r'),
    projectionSeed: peftField(z.int().min(0).default(42), 'proj_seed'),
    vectorLength: peftField(count.default(256), 'theta_d_length'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'unilora_dropout'),
    initBound: peftField(z.number().positive().default(0.02), 'init_theta_d_bound'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    saveIndices: peftField(z.boolean().default(false), 'save_indices'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: () => false,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: () => 0,
    sharedParameterCount: ({ vectorLength }) => vectorLength,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    projectionSeed: draw.integer(0, 5),
    vectorLength: draw.integer(1, 6),
    dropout: draw.pick([0, 0.5]),
    initBound: draw.pick([0.02, 1]),
    initWeights: draw.boolean(),
    saveIndices: draw.boolean(),
  }),
  peft: {
    type: 'UNILORA',
    inactive: {
      bias: 'none',
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: (_kind, { saveIndices }) =>
      saveIndices
        ? {
            indicesA: 'unilora_indices_A',
            indicesB: 'unilora_indices_B',
            scalesA: 'unilora_scales_A',
            scalesB: 'unilora_scales_B',
          }
        : {},
    sharedKeys: () => ({ theta: 'unilora_theta_d' }),
  },

  init: () => ({}),

  share(places, key) {
    const config = places[0]?.config;
    if (config === undefined) return [];
    const { vectorLength, initWeights, initBound } = config;
    const theta = initWeights
      ? uniform(key, [vectorLength], -initBound, initBound)
      : normal(key, [vectorLength]);
    const shared = { parameters: { theta }, frozen: {} };
    return places.map(() => shared);
  },

  frozen({ config, shape, places, path }) {
    const { entries, scales } = layoutOf(places);
    const R = config.rank;
    const before = places.slice(
      0,
      places.findIndex((place) => place.path === path),
    );
    const start = before.reduce((sum, place) => sum + sizeOf(place), 0);
    const middle = start + R * shape.in;
    const part = (from: number, sides: readonly number[]): [Tensor, Tensor] => {
      const own = entries.slice(from, from + (sides[0] ?? 0) * (sides[1] ?? 0));
      const factors = Float32Array.from(own, (entry) => scales[entry] ?? 0);
      return [tensor(own, sides, 'i32'), tensor(factors, sides)];
    };
    const [indicesA, scalesA] = part(start, [R, shape.in]);
    const [indicesB, scalesB] = part(middle, [shape.out, R]);
    return { indicesA, indicesB, scalesA, scalesB };
  },

  ...thinForms(factorsOf, ({ dropout }) => dropout),
};

/**
 * Low-rank adaptation from one vector: the weight plus `B A`, where each element of A and B, of all places, is one of a few
 * trained numbers over the root of how often it comes.
 */
export function unilora(options: UniloraOptions = {}): Method<UniloraConfig> {
  return method(uniloraVariant, options);
}

/** A: [R, in]; B: [out, R]. */
function factorsOf({
  parameters,
  frozen,
}: Pick<AdapterArguments<UniloraConfig>, 'parameters' | 'frozen'>): ThinFactors {
  const theta = parameterOf(parameters, 'theta');
  const factor = (name: string): Tensor =>
    mul(gather(theta, parameterOf(frozen, `indices${name}`)), parameterOf(frozen, `scales${name}`));
  return { A: factor('A'), B: factor('B') };
}

/** Elements of both factors. */
function sizeOf({ config, shape }: SharingPlace<UniloraConfig>): number {
  return config.rank * (shape.in + shape.out);
}

/** Which number each element of the factors of all places is, one after the other, and by what each number is scaled. */
interface Layout {
  readonly entries: Int32Array;
  readonly scales: Float32Array;
}

const layouts = new WeakMap<readonly SharingPlace<UniloraConfig>[], Layout>();

/** Every place asks for the layout of all. */
function layoutOf(places: readonly SharingPlace<UniloraConfig>[]): Layout {
  const known = layouts.get(places);
  if (known !== undefined) return known;
  const made = layOut(places);
  layouts.set(places, made);
  return made;
}

/** As PEFT does it: each number comes as often as the others, or once more; then all are shuffled. */
function layOut(places: readonly SharingPlace<UniloraConfig>[]): Layout {
  const { vectorLength: length = 1, projectionSeed = 0 } = places[0]?.config ?? {};
  const total = places.reduce((sum, place) => sum + sizeOf(place), 0);
  const generator = new Pcg64(projectionSeed);
  const each = Math.floor(total / length);
  const entries = Int32Array.from({ length: total }, (_, i) => Math.floor(i / each));
  const rest = total % length;
  if (rest > 0) entries.set(generator.choose(length, rest), total - rest);
  generator.shuffle(entries);
  const counts = new Float32Array(length);
  for (const entry of entries) counts[entry] = (counts[entry] ?? 0) + 1;
  return { entries, scales: counts.map((times) => (times === 0 ? 0 : 1 / Math.sqrt(times))) };
}
