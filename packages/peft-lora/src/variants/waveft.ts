import {
  add,
  cast,
  haar,
  inverseHaar,
  less,
  mod,
  mul,
  normal,
  notEqual,
  pad,
  slice,
  sliceAxis,
  swapAxes,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { entriesOf } from '../entriesOf.ts';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import { denseOf, type SparseEntries, sparseProduct } from '../sparseUpdate.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { seededEntries } from '../torch/seededEntries.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface WaveftConfig {
  /** Entries of the spectrum that train. */
  readonly frequencies: number;
  /** The update is scaled by this. */
  readonly scaling: number;
  /** Seed by which the entries are chosen: PyTorch's generator on a CPU, so that PEFT chooses the same. */
  readonly locationSeed: number;
  /** Whether the entries are of Haar's wavelets; else of the weight itself. */
  readonly useIdwt: boolean;
  /** Starts as the base; else the entries are random and small. */
  readonly initWeights: boolean;
  /** Other numbers of entries for modules whose path ends in a match of the regular expression. */
  readonly frequencyPattern: Readonly<Record<string, number>>;
}

export type WaveftOptions = Partial<WaveftConfig> & TargetOptions;

const count = z.int().positive();

export const waveftVariant: Variant<WaveftConfig> = {
  name: 'waveft',
  paper: 'Bilican et al. 2025, https://arxiv.org/abs/2505.12532',
  schema: z.strictObject({
    frequencies: peftField(count.default(2592), 'n_frequency', 'frequencyPattern'),
    scaling: peftField(z.number().default(25), 'scaling'),
    locationSeed: peftField(z.int().min(0).default(777), 'random_loc_seed'),
    useIdwt: peftField(z.boolean().default(true), 'use_idwt'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    frequencyPattern: peftField(z.record(z.string(), count).default({}), 'n_frequency_pattern'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ frequencies }) => frequencies,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: ({ frequencies }) => frequencies,
  },
  sample: (draw) => ({
    frequencies: draw.integer(1, 3),
    scaling: draw.pick([0.5, 2, 25]),
    locationSeed: draw.integer(0, 5),
    useIdwt: draw.boolean(),
    initWeights: draw.boolean(),
    frequencyPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
  }),
  refusal: ({ frequencies }, shape) =>
    frequencies <= shape.in * shape.out
      ? undefined
      : `${frequencies} entries are more than a weight of ${shape.out} by ${shape.in} has`,
  peft: {
    type: 'WAVEFT',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
      proportional_parameters: false,
      wavelet_family: 'db1',
    },
    keys: () => ({ spectrum: 'waveft_spectrum' }),
  },

  configAt: (config, path) => ({
    ...config,
    frequencies: valueForPath(config.frequencyPattern, path) ?? config.frequencies,
  }),

  init: ({ config: { frequencies, initWeights }, key }) => ({
    spectrum: initWeights ? zeros([frequencies]) : normal(key, [frequencies], 0, 0.01),
  }),

  frozen: ({ shape, config: { frequencies, locationSeed } }) => ({
    indices: seededEntries(shape, { count: frequencies, seed: locationSeed }),
  }),

  materialize(args) {
    const { base, shape, config } = args;
    if (!config.useIdwt)
      return add(base(), mul(denseOf(chosenOf(args), [shape.out, shape.in]), config.scaling));
    const [height, width] = evenSides(shape);
    const rows = inverseHaar(denseOf(waveletsOf(args), [height, width]));
    const both = swapAxes(inverseHaar(swapAxes(rows))); // [height, width]
    return add(base(), mul(slice(both, [0, 0], [shape.out, shape.in]), config.scaling));
  },

  contract(x, args) {
    const { shape, config, product } = args;
    const [height, width] = evenSides(shape);
    const high = x.shape.map((_, axis) => (axis === x.rank - 1 ? width - shape.in : 0));
    const update = config.useIdwt
      ? inverseHaar(sparseProduct(waveletsOf(args), haar(pad(x, { high })), height))
      : sparseProduct(chosenOf(args), x, shape.out);
    return add(product(x), mul(sliceAxis(update, -1, 0, shape.out), config.scaling));
  },
};

/** Wavelet fine-tuning: the weight plus the inverse wavelet transform of a few trained entries. */
export function waveft(options: WaveftOptions = {}): Method<WaveftConfig> {
  return method(waveftVariant, options);
}

function chosenOf({ parameters, frozen }: AdapterArguments<WaveftConfig>): SparseEntries {
  return entriesOf(parameterOf(parameters, 'spectrum'), frozen);
}

/** The sides with one more where they are odd, as the transform needs them. */
function evenSides({ out, in: inputs }: SiteShape): readonly [height: number, width: number] {
  return [out + (out % 2), inputs + (inputs % 2)];
}

/**
 * The entries in the order of `inverseHaar` along both axes. PEFT keeps differences along the rows on the right and
 * those along the columns below, where that order has them the other way round.
 */
function waveletsOf(args: AdapterArguments<WaveftConfig>): SparseEntries {
  const { values, rows, columns } = chosenOf(args);
  const [height, width] = evenSides(args.shape);
  const isMixed = cast(notEqual(less(rows, height / 2), less(columns, width / 2)), 'i32');
  const shift = (places: Tensor, side: number): Tensor =>
    mod(add(places, mul(isMixed, side / 2)), side);
  return { values, rows: shift(rows, height), columns: shift(columns, width) };
}
